"""How tables ended, for people and programs."""
