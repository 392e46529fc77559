"""What stands for an actor outside: refs, asks, waiting, status."""
