"""sered: hears how customers feel on a desk phone and publishes one verdict a call."""

__version__ = "0.1.0"
