"""The cast of the main job: Supervisor, Worker, Journal, their messages, and the pure decisions between them."""
