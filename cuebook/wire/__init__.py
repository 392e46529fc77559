"""What travels: frames, messages and msgpack. Knows neither actors nor calls."""
