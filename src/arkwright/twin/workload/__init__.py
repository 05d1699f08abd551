"""Workloads: traces of any known format, and generated ones, as one table of columns."""
