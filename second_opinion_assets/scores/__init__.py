"""Score files (sidecars): from their bytes to the columns of each scorer."""
