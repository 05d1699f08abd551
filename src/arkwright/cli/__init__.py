"""The command line: parses arguments, prints, composes; decides nothing.

`root` has the table of verbs; each verb is one module, imported when it is used. No verb that only
asks the server imports numpy, numba, SQLAlchemy or the web framework.
"""

from arkwright.cli.root import main

__all__ = ["main"]
