"""The reference pages say what the code says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools import reference


@pytest.mark.parametrize(
    ("page", "text"), [("api.md", reference.api), ("errors.md", reference.errors)]
)
def test_a_reference_page_is_up_to_date(page: str, text: Callable[[], str]) -> None:
    stored = (Path(reference.PAGES) / page).read_text()
    assert stored == text(), "run `make reference`"
