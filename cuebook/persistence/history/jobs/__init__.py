"""What a journal says of a job: its runs, stages and steps."""
