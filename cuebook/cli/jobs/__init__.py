"""The sub-commands for jobs and data sets."""
