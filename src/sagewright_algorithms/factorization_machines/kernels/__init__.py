"""The loops over sparse rows, and the optimizer's, compiled by numba."""
