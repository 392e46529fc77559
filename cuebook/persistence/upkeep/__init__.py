"""Care of journals: backup, compaction, salvage, verification."""
