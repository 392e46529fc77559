"""Tasks of asyncio, tracked; what holds them, and what stands in for one. Knows no actor."""
