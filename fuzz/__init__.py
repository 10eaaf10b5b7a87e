"""Inputs at random, guided by what they reach, for every reader; a rival plain reading judges.

A target takes the bytes of one file and raises whatever is found: a difference, or any error but
the one that bad input ends in. What starts them, for how long and from which files, is `run.py`.
"""
