"""Functions of rows: which columns they get, how they are called, and what becomes of what they give."""
