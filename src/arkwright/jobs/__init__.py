"""Jobs: what a user may ask for, what may happen to it, and in which order.

`spec` is the job file's schema, `lifecycle` the one table of states, `events` the log's record.
"""
