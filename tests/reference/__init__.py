"""The oracle: every operation in float64 NumPy, written from the formula, without a line of the package it checks.

Plain and slow on purpose: a reader should be able to compare each function with a textbook. `tests/test_reference.py`
checks the oracle itself against finite differences, hand-worked numbers and, where it is installed, PyTorch.
"""
