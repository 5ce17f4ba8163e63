"""Simulated boxes and a simulated telephone exchange, seeded, with the truth beside them."""
