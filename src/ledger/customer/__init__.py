"""Customers: who is billed, where, in which currency and time zone."""
