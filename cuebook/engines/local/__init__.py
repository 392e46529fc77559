"""Calls in threads and coroutines of this process."""
