"""What is told of actors: dead letters, logs, ends."""
