"""Golden files: what the fixed inputs beside become, byte by byte.

`python -m second_opinion_assets_tests.golden` writes them anew.
"""
