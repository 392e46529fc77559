"""One journal: opened, appended to, read; its chain and its states."""
