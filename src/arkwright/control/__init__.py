"""Control: the live factory. Store, reconcile loop, API, users.

Read in this order: `controller` (the loop), `store` and `projection` (the log and its tables),
`intake` (what people ask for), `endings` (what follows an attempt), `loop` (the one thread that
writes), `factory_server` (everything put together), `api` (REST), `server` (the process).
"""
