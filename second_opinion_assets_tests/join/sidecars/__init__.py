"""Tests of `second_opinion_assets.join.sidecars`."""
