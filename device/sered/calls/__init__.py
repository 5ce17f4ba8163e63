"""Where calls and utterances begin and end: states in, events out."""
