"""Ledger: from the event log to what a job used and what it cost. Pure.

- `receipt` is one job's bill: GPU-hours, kWh, kg CO2e and money, each line with how it was obtained
- `statements` say of contracts what was paid so far, and how much of it was used
"""

from arkwright.ledger.receipt import AttemptUse, Line, Receipt, Tariff, receipt
from arkwright.ledger.take_or_pay import Held, Sold, Statement, statements

__all__ = [
    "AttemptUse",
    "Held",
    "Line",
    "Receipt",
    "Sold",
    "Statement",
    "Tariff",
    "receipt",
    "statements",
]
