"""Small programmes for the tests of the audit."""

from arkwright import factory
from arkwright.plan.audit import Weight, audit

HEAD = "kind: announced, stated: 2025-07-31, source: press, sites: [a], system: gb300-nvl72"


def read(*statements, sites="a: {country: NO}", more=""):
    """A factory of statements, each `name: {…}`; HEAD stands for `...`."""
    lines = "\n".join(f"    {each.replace('...', HEAD)}" for each in statements)
    text = f"factory: f\n{more}sites: {{{sites}}}\nprogramme:\n  declared:\n{lines}\n"
    return factory.loads(text.encode())


def found(rule, *statements, **more):
    """Findings of one rule, worst first."""
    return [f for f in audit(read(*statements, **more)).findings if f.rule == rule]


def weights(rule, *statements, **more):
    return [finding.weight for finding in found(rule, *statements, **more)]


__all__ = ["HEAD", "Weight", "found", "read", "weights"]
