"""Stages, steps, jobs and data sets: programs that take over what an earlier run of theirs has done."""
