"""The folder `.cuebook/`: where it lies, and the versions of files that are kept in it, each content once."""
