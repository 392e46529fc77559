"""Large values in files of their own, named by their content."""
