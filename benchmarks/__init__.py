"""Benchmarks: every figure the project publishes, as a ratio measured in one run.

``pytest benchmarks`` measures, ``python -m benchmarks.table`` writes README.md again.
"""
