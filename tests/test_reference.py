"""The reference pages say what the code says."""

import pytest

from tools import reference


@pytest.mark.parametrize("page", reference.PAGE_MAKERS)
def test_a_reference_page_is_up_to_date(page: str) -> None:
    stored = (reference.PAGES / page).read_text()
    assert stored == reference.PAGE_MAKERS[page](), "run `make reference`"
