"""Public doubles for tests: a clock that jumps, a store that fails on demand."""
