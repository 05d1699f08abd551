"""Ledger: from the event log to what a job used and what it cost. Pure.

`receipt` is one job's bill: GPU-hours, kWh, kg CO2e and money, each line with how it was obtained.
"""

from arkwright.ledger.receipt import Line, Receipt, Tariff, receipt

__all__ = ["Line", "Receipt", "Tariff", "receipt"]
