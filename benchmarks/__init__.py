"""Benchmarks, each beside its peer in the same run: only ratios of one run count."""
