"""The makers of the shipped weights: `make weights`, `make weights NAME=denoisers`."""
