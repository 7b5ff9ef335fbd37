"""The tests of Ledger. Their folders mirror `src/ledger`."""
