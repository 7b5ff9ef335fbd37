"""Runs the examples in the README and the docs as tests."""

from doctest import ELLIPSIS

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)],
    patterns=["*.md"],
    excludes=["docs/decisions/*", "docs/reference/*"],  # they show shapes, not programs
).pytest()
