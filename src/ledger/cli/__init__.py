"""The command line: `ledger`, the engine for hands and scripts."""

from ledger.cli.entry import main as main
