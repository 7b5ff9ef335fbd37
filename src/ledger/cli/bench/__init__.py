"""`ledger bench`: how fast Ledger is on this machine."""
