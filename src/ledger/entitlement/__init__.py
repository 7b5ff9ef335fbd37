"""Entitlements: may this customer do this now? Pure decisions, and a cache that stays right."""
