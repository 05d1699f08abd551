"""One port, and behind it the places where attempts really run: this machine, and a fake for tests.

Supervisors import this package with the standard library alone, so nothing is imported here.
"""
