"""Fakes and simulators that ship with sered, for its own tests and for those of its users."""
