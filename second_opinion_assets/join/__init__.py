"""The pure library: files, keys, scores, tables. It knows neither Dagster nor the command line."""
