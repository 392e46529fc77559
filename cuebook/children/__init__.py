"""Child processes: how they start, become like their parent, are watched and end. Knows no call and no actor."""
