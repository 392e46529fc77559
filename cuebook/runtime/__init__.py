"""Ground floor: what an actor is (message, mailbox, ref, cell, system, supervision). Knows no disk, no chunk."""
