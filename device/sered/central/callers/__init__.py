"""Who called: the exchange's records, which call each belongs to, and who may see the number."""
