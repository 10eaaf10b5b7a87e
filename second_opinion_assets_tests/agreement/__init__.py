"""Tests of the comparison of second opinions with references."""
