"""The makers of the shipped records: `make records`, `make records NAME=calibration`."""
