"""One actor at work: mailbox, incarnations, life and end."""
