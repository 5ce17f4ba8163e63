"""What was said and how it is meant: recogniser, lexicon, sentence model."""
