"""One explained verdict a call from what its utterances brought."""
