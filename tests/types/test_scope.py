"""The scope: names that are safe in keys, logs and addresses."""

import pytest

from ledger.types.errors import Invalid
from ledger.types.scope import Scope


@pytest.mark.parametrize("name", ["a", "acme_corp", "a:b/c@d.e-f", "~" * 128, "!"])
def test_printable_ascii_without_spaces_is_a_name(name: str) -> None:
    assert Scope(name, name) == Scope(tenant=name, app=name)


def test_an_app_has_a_default() -> None:
    assert Scope("acme").app == "default"


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\n", "a\t", "\x00", "\x7f", "é", "a" * 129, None, 7, ["a"]]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        Scope(name)
    assert (refused.value.code, refused.value.param) == ("bad_tenant", "tenant")
    with pytest.raises(Invalid) as refused:
        Scope("acme", name)
    assert (refused.value.code, refused.value.param) == ("bad_app", "app")


def test_a_scope_is_a_key() -> None:
    assert {Scope("a", "b"): 1}[Scope("a", "b")] == 1
