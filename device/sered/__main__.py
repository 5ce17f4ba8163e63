"""`python -m sered` is `sered`."""

from sered.cli import main

main()
