"""A small factory and scenarios of it, written as a person would."""

from textwrap import dedent

FACTORY = """
factory: small
sites:
  here:
    country: NO
    halls:
      h1: {system: dgx-h100, nodes: 4}
organisations:
  lab: {}
  shop: {quota: {gpus: 8}}
"""
JOBS = """\
job_id,submit_s,duration_s,gpus
1,0,3600,16
2,60,1800,32
3,120,600,8
4,7200,600,1
"""
SCENARIO = """
kind: scenario
name: small
factory: small.yaml
workloads:
  - {trace: jobs.csv, exact_limits: true}
policies:
  strict: {ordering: fifo, backfill: none}
  easy: {ordering: fifo, backfill: easy}
horizon: {from: 2026-01-01, for: 6 h}
"""


def write(folder, text=SCENARIO, more=""):
    """The scenario's file in `folder`, with the factory and the trace it names."""
    (folder / "small.yaml").write_text(FACTORY)
    (folder / "jobs.csv").write_text(JOBS)
    path = folder / "week.yaml"
    path.write_text(dedent(text) + dedent(more))
    return path


PRICES = """\
time,price_eur_mwh,currency
2026-01-01T00:00,100,EUR
2026-01-01T01:00,0,EUR
2026-01-01T02:00,200,EUR
2026-01-01T03:00,0,EUR
2026-01-01T04:00,0,EUR
2026-01-01T05:00,0,EUR
"""
