"""Who else can have written a file: what was opened, judged, and said."""
