"""The checker's rules, one file a subject. Each takes a factory and its design and yields faults.

A rule trusts no total of the design: it counts again from the cables, racks, parts and the
catalogue. Numbers of rules never change their meaning.
"""

from arkwright.design.rules.fault import Fault

__all__ = ["Fault"]
