"""Tests of a server that joins by itself."""
