"""A box becomes somebody: what lies on the card's boot partition is read, judged and taken over."""
