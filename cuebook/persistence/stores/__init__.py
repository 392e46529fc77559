"""Where records lie: the port of a store, and the stores."""
