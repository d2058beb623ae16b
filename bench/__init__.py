"""Benchmarks on the platform that runs here: rival and ours side by side in one run.

Owns what is measured and how it is told. Each figure stands beside its rival's, taken in turns in
the same minutes, with the load of the machine: ratios count, times are context.
"""
