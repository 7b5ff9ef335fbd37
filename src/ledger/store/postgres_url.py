"""Reads the URL of a PostgreSQL database, and never repeats it: there is a password in it. Pure."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.types.errors import Invalid

_CONNECT_S: Final = 10
_GRACE_S: Final = 5
# A server that fell silent is given up after half a minute; the network alone would take hours.
_KEEPALIVES: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


class Setting(NamedTuple):
    """A number that a URL may say to Ledger: what it is without, and its bounds."""

    default: int
    least: int
    most: int


SETTINGS: Final[Mapping[str, Setting]] = {
    "pool_size": Setting(10, 1, 1_000),
    "patience_s": Setting(15, 0, 3_600),
    "lock_wait_s": Setting(30, 1, 3_600),
    "answer_s": Setting(600, 1, 3_600),
}
_OURS = re.compile(rf"(?<=[?&])({'|'.join(SETTINGS)})=([^&]*)(?:&|$)")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a database is, for libpq and for people; and how to use it.

    Args:
        conninfo: the address as libpq takes it, with the password.
        place: what it is called, without the password.
        pool_size: how many connections there are at most.
        patience_s: for how long a transaction is begun again while the server is away.
        lock_wait_s: for how long a transaction waits for what another one holds.
        answer_s: how long a statement of a transaction may take.
    """

    conninfo: str
    place: str
    pool_size: int
    patience_s: int
    lock_wait_s: int
    answer_s: int

    @property
    def silence_max_s(self) -> int:
        """After which silence a server is given up: it had to say by then that it ended a wait."""
        return max(self.answer_s, self.lock_wait_s, self.patience_s) + _GRACE_S


def read(url: str) -> Address:
    """The address that a `postgresql://` URL says; all but `SETTINGS` is libpq's to read.

    Raises:
        Invalid: (`unknown_database`) it cannot be read.
    """
    said = dict(_OURS.findall(url))
    numbers = {name: _number(name, setting, said) for name, setting in SETTINGS.items()}
    try:
        parts = conninfo_to_dict(_OURS.sub("", url).rstrip("?&"))
    except psycopg.ProgrammingError:
        # What libpq says repeats a part of the URL, and that may be the password.
        raise Invalid(
            "the database URL cannot be read; it is postgresql://user:password@host:5432/database,"
            " where %40 stands for an @ in a password, and so for : / ? # and %",
            code="unknown_database",
            param="url",
        ) from None
    where = parts.get("host") or parts.get("hostaddr") or "the local socket"
    place = f"the PostgreSQL database {parts.get('dbname') or parts.get('user') or '?'} at {where}"
    parts.setdefault("connect_timeout", _CONNECT_S)
    parts.setdefault("fallback_application_name", "ledger")
    for name, value in _KEEPALIVES.items():
        parts.setdefault(name, value)
    return Address(conninfo=make_conninfo("", **parts), place=place, **numbers)


def _number(name: str, setting: Setting, said: Mapping[str, str]) -> int:
    text = said.get(name, str(setting.default))
    if not re.fullmatch("[0-9]{1,4}", text) or not setting.least <= int(text) <= setting.most:
        raise Invalid(
            f"{name} is {setting.least} to {setting.most:,}, not {text!r}",
            code="unknown_database",
            param="url",
        )
    return int(text)
