"""The vocabulary of the join: errors, options, names, columns, audit. No file is opened here."""
