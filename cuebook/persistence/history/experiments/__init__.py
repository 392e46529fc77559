"""What the records of an experiment mean."""
