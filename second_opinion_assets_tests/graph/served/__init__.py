"""Tests of a server that they share."""
