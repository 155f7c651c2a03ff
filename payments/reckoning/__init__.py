"""Explain every figure that we tell of an order's money, step by step, from ledger entries and facts.

`rows` reads; all else is pure. Nothing here is used to decide anything: that the steps add up to what
`selectors.order_money` says is what makes them worth reading, and is tested over random histories.
"""

from payments.reckoning.figures import Reckoning, reckon
from payments.reckoning.rows import Rows, rows_of
from payments.reckoning.steps import Figure, Step

__all__ = ["Figure", "Reckoning", "Rows", "Step", "reckon", "rows_of"]
