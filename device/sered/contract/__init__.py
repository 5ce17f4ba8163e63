"""What goes over the wire and how it is told: topics, payloads, sentences."""
