"""`ledger demo`: a year of an AI API company, billed month by month on a clock that is moved."""
