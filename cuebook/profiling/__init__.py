"""Where the time of a run went, read off its journal afterwards: calls, lanes of workers, waiting, records."""
