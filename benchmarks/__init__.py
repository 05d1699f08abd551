"""Benchmarks with fixed names. `make bench NAME=x` runs one and ends with one line of JSON."""
