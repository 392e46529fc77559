"""Code by its syntax tree: what it does, and what it refers to. Knows no object."""
