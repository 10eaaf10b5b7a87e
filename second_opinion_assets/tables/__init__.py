"""Feature tables: reading their keys, and writing them with columns at the end."""
