"""A factory as a file again: includes merged in, comments gone, defaults left out."""

from __future__ import annotations

import yaml

from arkwright import documents
from arkwright.factory.spec import Factory


def dump(factory: Factory) -> str:
    """YAML that `loads` reads back to an equal factory."""
    plain = {key: value for key, value in documents.encode(factory).items() if key != "include"}
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    return text
