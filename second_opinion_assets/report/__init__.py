"""What is said of joined tables, as sections of rows; rendered as Markdown or for a terminal."""
