"""Tests of `second_opinion_assets.contract`."""
