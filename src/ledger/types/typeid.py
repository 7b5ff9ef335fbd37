"""TypeIDs as the public specification 0.3 has them: a prefix and a UUID in one sortable word."""

import re

from typeid import base32

from ledger.types.errors import Invalid, shown

SUFFIX_LENGTH = 26
UUID_LENGTH = 16

_PREFIX = re.compile(r"(?:[a-z](?:[a-z_]{0,61}[a-z])?)?")
# The first character stands for three bits only: above 7 the suffix overflows 128 bits.
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


def parse_typeid(text: str) -> tuple[str, bytes]:
    """The prefix (it may be empty) and the 16 bytes of the UUID.

    Raises:
        Invalid: (`bad_typeid`) not a TypeID.
    """
    parts = split_typeid(text)
    if parts is None:
        raise Invalid(f"{shown(text)} is not a TypeID", code="bad_typeid")
    prefix, suffix = parts
    return prefix, base32.decode(suffix)


def format_typeid(prefix: str, uuid: bytes) -> str:
    """The TypeID of a UUID; an empty prefix leaves the separator out.

    Raises:
        Invalid: (`bad_typeid`) the prefix is not up to 63 lower-case letters with `_` between
            them, or the UUID is not 16 bytes.
    """
    if not _PREFIX.fullmatch(prefix):
        raise Invalid(f"{shown(prefix)} is not a prefix of a TypeID", code="bad_typeid")
    if len(uuid) != UUID_LENGTH:
        raise Invalid(f"a UUID has 16 bytes, not {len(uuid)}", code="bad_typeid")
    return f"{prefix}_{base32.encode(uuid)}" if prefix else base32.encode(uuid)


def is_suffix(text: str, start: int) -> bool:
    """Whether `text` from position `start` on is the suffix of a TypeID."""
    return _SUFFIX.fullmatch(text, start) is not None


def split_typeid(text: str) -> tuple[str, str] | None:
    """The prefix and the suffix of a TypeID; `None` if `text` is none."""
    prefix, separator, suffix = text.rpartition("_")
    if not _SUFFIX.fullmatch(suffix) or not _PREFIX.fullmatch(prefix) or (separator and not prefix):
        return None
    return prefix, suffix
