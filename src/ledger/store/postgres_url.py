"""Reads the URL of a PostgreSQL database, and never repeats it: there is a password in it. Pure."""

import re
from typing import Final

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.types.errors import Invalid

POOL_SIZE: Final = 10

_POOL_SIZE_MAX: Final = 1_000
_CONNECT_S: Final = 10
_POOL = re.compile(r"(?<=[?&])pool_size=([^&]*)(?:&|$)")


class Address(msgspec.Struct, frozen=True):
    """Where a database is: for libpq, for people, and how many connections it may get."""

    conninfo: str
    place: str
    pool_size: int


def read(url: str) -> Address:
    """The address that a `postgresql://` URL says; all but `?pool_size=20` is libpq's to read.

    Raises:
        Invalid: (`unknown_database`) it cannot be read.
    """
    said = _POOL.search(url)
    size = said[1] if said else str(POOL_SIZE)
    if not re.fullmatch("[0-9]{1,4}", size) or not 1 <= int(size) <= _POOL_SIZE_MAX:
        raise Invalid(
            f"pool_size is 1 to {_POOL_SIZE_MAX:,}, not {size!r}",
            code="unknown_database",
            param="url",
        )
    try:
        parts = conninfo_to_dict(_POOL.sub("", url).rstrip("?&"))
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
    return Address(make_conninfo("", **parts), place, int(size))
