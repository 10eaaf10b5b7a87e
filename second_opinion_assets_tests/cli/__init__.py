"""Tests of `second_opinion_assets.cli`."""
