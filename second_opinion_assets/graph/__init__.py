"""The Dagster asset graph, one module a concept."""
