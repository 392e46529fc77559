"""The durable map: chunk(), Chunker, Checkpoint, Runtime."""
