"""What the records of a journal mean: runs and streams, folded; results, failures, reuse."""
