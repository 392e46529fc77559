"""What a child process has of its parent beside code: settings, environment, warning filters."""
