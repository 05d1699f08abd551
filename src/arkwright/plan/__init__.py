"""Roll-out over years: what to build where and when, under many futures; and whether a declared
plan can be true.

`rollout` is a programme in numbers, `futures` are the outcomes it may meet, a `Schedule` is what
was decided. Only this package knows the solver.
"""
