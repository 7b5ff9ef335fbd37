"""A fresh desk for every test."""

from tests.plan.desk import desk

__all__ = ["desk"]
