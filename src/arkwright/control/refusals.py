"""Why a request is not done, beside input that is wrong: not allowed, not there, not now."""

from __future__ import annotations

from arkwright.errors import ArkwrightError


class Forbidden(ArkwrightError):
    """The token's user may not do this."""

    exit_code = 2


class NotFound(ArkwrightError):
    """No such thing, or none that this user may see."""

    exit_code = 2


class Conflict(ArkwrightError):
    """The thing is not in a state in which this can be done."""

    exit_code = 2
