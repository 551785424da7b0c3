"""The kernels' cases: each kernel of `steepest.kernels` beside NumPy that does the same, written with care.

Both sides write into arrays made before where the kernel's function takes `out`, and make new ones where it does not.
"""
