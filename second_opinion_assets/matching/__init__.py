"""Keys to rows: pure functions that open nothing."""
