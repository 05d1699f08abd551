"""Drawings of a plan: schedules with bands, fans over quarters, spreads, comparisons."""
