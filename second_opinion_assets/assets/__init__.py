"""The assets of the graph, one module a kind."""
