"""Invoices: made at a boundary, recomputed while a draft, frozen and numbered when finalized."""
