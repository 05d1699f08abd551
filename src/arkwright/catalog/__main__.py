"""`python -m arkwright.catalog PATH`: write the catalogue's page to PATH."""

import sys
from pathlib import Path

from arkwright.catalog.page import markdown

Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
