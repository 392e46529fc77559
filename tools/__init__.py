"""What sets up environments, locks them, and tests what is packaged: run as `python -m tools.NAME`, by the Makefile.

Knows nothing of the library. Only the standard library is imported before an environment is there.
"""
