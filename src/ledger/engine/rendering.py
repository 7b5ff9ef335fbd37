"""Invoices as text, for whoever shows them to people: the command line sees the engine only."""

from ledger.invoice.rendering import render as render
