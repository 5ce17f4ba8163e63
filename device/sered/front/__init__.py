"""What a box without a screen shows: a light, and a read-only page on the local network."""
