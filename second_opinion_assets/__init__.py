"""Second opinions of external video-quality scorers, joined onto feature tables."""
