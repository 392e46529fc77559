"""The records of a journal: kinds, heads, rows, the chain. Knows no store."""
