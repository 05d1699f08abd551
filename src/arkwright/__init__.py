"""Arkwright: design, simulate, plan and run an AI factory from one file."""

__version__ = "0.1.0"
