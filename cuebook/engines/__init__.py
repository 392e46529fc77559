"""Where calls run: processes, threads, coroutines."""
