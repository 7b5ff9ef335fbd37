"""`ledger usage import`: usage events out of files, in any order, as often as one likes."""
