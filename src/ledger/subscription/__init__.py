"""Subscriptions: which customer has which plan version, since when and until when."""
