"""What is known of scorers."""
