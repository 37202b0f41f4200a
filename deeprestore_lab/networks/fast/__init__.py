"""Faster ways to the same numbers: Winograd filtering, and convolutions merged with what stands before them."""
