"""Ingest: from the broker to the store, acknowledged after COMMIT, in batches, each thing once."""
