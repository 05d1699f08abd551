"""`python -m arkwright.cli`: the same as the command `arkwright`."""

import sys

from arkwright.cli.root import main

sys.exit(main())
