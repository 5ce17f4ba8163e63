"""The store: one SQLite file, or PostgreSQL by URL; tables, migrations and how to get at them."""
