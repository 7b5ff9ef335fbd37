"""The testing kit: a clock that is moved, and the contract that every store has to keep.

`ledger.testing.contract` is a module of its own; it wants pytest and hypothesis.
"""

from ledger.testing.clock import MovableClock

__all__ = ["MovableClock"]
