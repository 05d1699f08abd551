"""Who may do what: users, their roles and their tokens.

A token is 32 random bytes, so its plain SHA-256 is all that is stored: there is nothing to guess
and no dictionary to try. The first owner's token is written to a file only its owner can read.
"""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from pathlib import Path

from msgspec import Struct
from sqlalchemy import select

from arkwright.control.clock import Entropy
from arkwright.control.store import NewEvent, Reader
from arkwright.control.tables import USERS
from arkwright.errors import StoreError
from arkwright.jobs.events import EventKind

OWNER, MEMBER = "owner", "member"
ROLES = (OWNER, MEMBER)


class Identity(Struct, frozen=True, kw_only=True):
    """The user behind a request."""

    name: str
    role: str
    project: str | None
    """A member's organisation or project; owners have none and see everything."""

    @property
    def is_owner(self) -> bool:
        """Owners run the factory; members use it."""
        return self.role == OWNER

    def may_see(self, project: str) -> bool:
        """Whether jobs of `project` are this user's business."""
        if self.is_owner or self.project is None:
            return self.is_owner
        return project == self.project or project.startswith(f"{self.project}/")


def new_user(
    name: str, role: str, project: str | None, entropy: Entropy, actor: str
) -> tuple[NewEvent, str]:
    """The event that adds a user, and the token, which is shown once and never stored."""
    token = "ark_" + urlsafe_b64encode(entropy(32)).decode().rstrip("=")
    body = {"role": role, "project": project, "token_hash": hash_of(token)}
    return NewEvent(EventKind.USER_ADDED, name, actor, "added", {}, body), token


def identify(reader: Reader, token: str) -> Identity | None:
    """The user a token belongs to."""
    row = reader.first(select(USERS).where(USERS.c.token_hash == hash_of(token)))
    return Identity(name=row.name, role=row.role, project=row.project) if row else None


def is_last_owner(reader: Reader, name: str) -> bool:
    """Whether nobody would run the factory without this user."""
    owners = reader.rows(select(USERS.c.name).where(USERS.c.role == OWNER))
    return [row.name for row in owners] == [name]


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def write_token(path: Path, token: str) -> None:
    """Write a token so that no one else can read it, not even for a moment."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(token + "\n")
    except OSError as error:
        raise StoreError(f"writing the owner's token to {path}: {error.strerror}") from error
