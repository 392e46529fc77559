"""Functions, classes and modules: who they are, with all that they refer to."""
