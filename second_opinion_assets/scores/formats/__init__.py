"""One module a format of score file."""
