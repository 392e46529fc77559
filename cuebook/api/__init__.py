"""What users hold: Runtime, chunk, Chunker, Checkpoint, and how signals and the bar meet them."""
