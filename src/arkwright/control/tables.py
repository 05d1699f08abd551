"""The store's tables. `events` is the truth; the others are projections of it, kept for reading."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

META = Table(
    "meta",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""`factory` (name), `factory_hash`, `epoch`: the fencing number of the one writer, and
`lost_sites`."""

LOST_SITES = "lost_sites"
"""The row of `META` with the sites out of reach, as JSON: since when [ms], by site."""

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("job_id", String(64)),
    Column("actor", String(255), nullable=False),
    Column("cause", Text, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Index("events_by_job", "job_id", "seq"),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("project", String(255), nullable=False),
    Column("user", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("exit_code", Integer),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("submit_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("spec", JSON, nullable=False),
    Column("changed_seq", BigInteger, nullable=False),
    Index("jobs_by_seq", "seq", unique=True),
    Index("jobs_by_state", "state", "seq"),
    Index("jobs_by_name", "name"),
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", String(80), primary_key=True),
    Column("job_id", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("site", String(64), nullable=False),
    Column("nodes", JSON, nullable=False),
    Column("is_virtual", Integer, nullable=False),
    Column("gpus", Float, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("launch_ms", BigInteger),
    Column("end_ms", BigInteger),
    Column("stop_reason", Text),
    Column("exit_code", Integer),
    Column("reason", Text),
    Index("attempts_by_job", "job_id", "n"),
)

NODES = Table(
    "nodes",
    METADATA,
    Column("path", String(255), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("facts", JSON, nullable=False),
)

USERS = Table(
    "users",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("project", String(255)),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

RESERVATIONS = Table(
    "reservations",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("project", String(255)),
    Column("nodes", JSON, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)
"""Those made and not withdrawn; of one name the last."""

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("parent", BigInteger, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Immutable; each names its parent, and no two may have the same one."""

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("user", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("job_ids", JSON, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
