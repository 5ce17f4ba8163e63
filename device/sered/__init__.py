"""sered: hears how customers feel on a desk phone and publishes one verdict a call."""

__version__ = "0.3.0.dev0"
