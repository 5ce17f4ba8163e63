"""Cases: what state they are in, whose they are, when they are due, and what people do."""
