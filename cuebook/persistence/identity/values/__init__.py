"""Values: by what they hold, never by where they lie."""
