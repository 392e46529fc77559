"""The progress of a stage while it runs: its checkpoints."""
