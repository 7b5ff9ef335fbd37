"""The testing kit: a clock that is moved, builders, and the contract that a store has to keep.

`ledger.testing.contract` is imported by itself: it wants pytest and hypothesis.
"""

from ledger.testing.builders import a_feature, a_plan, some_usage, subscribed
from ledger.testing.clock import MovableClock

__all__ = ["MovableClock", "a_feature", "a_plan", "some_usage", "subscribed"]
