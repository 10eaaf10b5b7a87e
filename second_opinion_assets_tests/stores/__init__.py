"""Tests of object stores, and the stores that they start."""
