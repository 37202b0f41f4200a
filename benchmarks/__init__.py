"""Speed against the peers: `python -m benchmarks.run`, or `make bench`."""
