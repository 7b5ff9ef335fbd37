"""The scope: whose data it is. Only the store and what carries data to it know one."""

import re

import msgspec

from ledger.types.errors import Invalid, shown

_NAME = re.compile(r"[!-~]{1,128}")


class Scope(msgspec.Struct, frozen=True):
    """A tenant and one of its apps.

    Raises:
        Invalid: (`bad_tenant`, `bad_app`) not 1 to 128 printable ASCII characters without spaces.
    """

    tenant: str
    app: str = "default"

    def __post_init__(self) -> None:
        _check(self.tenant, "tenant")
        _check(self.app, "app")


def _check(name: object, what: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Invalid(
            f"the {what} {shown(name)} is not 1 to 128 printable ASCII characters without spaces",
            code=f"bad_{what}",
            param=what,
        )
