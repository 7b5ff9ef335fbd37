"""The store: every slice's repositories over SQL. Only `ledger.opening` sees it."""
