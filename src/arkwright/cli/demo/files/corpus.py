"""Make a corpus of what lies on every machine with Python: its own library's source."""

from __future__ import annotations

import hashlib
import os
import sysconfig
from pathlib import Path

sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
text = b"".join(source.read_bytes() for source in sources)
target = Path(os.environ["CORPUS"])
target.write_bytes(text)
digest = hashlib.sha256(text).hexdigest()
print(f"{len(sources)} files, {len(text)} bytes, sha256 {digest[:16]}")
