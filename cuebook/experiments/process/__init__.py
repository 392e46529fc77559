"""The processes of an experiment: its programs, and what they ask of their runner. Knows no journal."""
