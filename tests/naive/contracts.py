"""Capacity contracts, naively: what rows keep at a time, from all that is pledged."""


def kept_at(factory, instant, now_ms):
    """A pledge counts from its time on; one that is late only where it keeps more."""
    kept = list(factory.row_kept)
    for (at_ms, row), (_, amount) in sorted(factory.pledged.items()):
        if at_ms <= instant and (at_ms > now_ms or amount > kept[row]):
            kept[row] = amount
    return kept
