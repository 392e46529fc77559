"""The store in a SQLite file, with its lock and its place."""
