"""Why calls are run again: what `cuebook why` and a rehearsal say."""
