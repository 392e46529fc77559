"""Objects that only pickle can keep, and the names by which classes are found again."""
