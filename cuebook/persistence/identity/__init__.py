"""Who a function and a value are: fingerprints and digests."""
