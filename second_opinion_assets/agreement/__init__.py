"""How far second opinions agree with references and with one another. Knows no Dagster."""
