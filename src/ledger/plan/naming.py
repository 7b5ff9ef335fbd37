"""Keys, names and metadata: what a user may call things, here and in the slices above."""

import re
from collections.abc import Mapping
from typing import TypeVar

from ledger.types.errors import Invalid, shown
from ledger.types.ids import Kind, entity_of

T = TypeVar("T", bound=str)

KEY_MAX = 128
NAME_MAX = 255
DESCRIPTION_MAX = 2_000
METADATA_MAX = 50
METADATA_VALUE_MAX = 1_000

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database takes a NUL, no encoding a surrogate


def check_key(key: object, param: str) -> str:
    """A key: ASCII letters, digits and `_.:/-`, at most 128 characters, no leading sign.

    Raises:
        Invalid: (`bad_key`) it is none.
    """
    if not isinstance(key, str) or len(key) > KEY_MAX or not _KEY.fullmatch(key):
        raise Invalid(
            f"the {param} {shown(key)} is not a key: 1 to {KEY_MAX} ASCII letters, digits or"
            " _ . : / - and a letter or digit first",
            code="bad_key",
            param=param,
        )
    return key


def check_own_key(key: object, param: str = "key") -> str:
    """The key of a thing that is asked for by id or key: it must not look like an id.

    Raises:
        Invalid: (`bad_key`) no key, or one that looks like an id.
    """
    checked = check_key(key, param)
    if entity_of(checked) is not None:
        raise Invalid(
            f"the {param} {checked!r} looks like an id, so it could not be told from one",
            code="bad_key",
            param=param,
        )
    return checked


def check_ref(ref: object, kind: Kind[T]) -> str:
    """An id of this kind, or a name of the user's own; none of those looks like an id.

    Raises:
        Invalid: (`wrong_id`) the id of something else, or no text at all.
    """
    if isinstance(ref, str) and entity_of(ref) is None:
        return ref
    return kind.check(ref)


def check_text(text: object, param: str, longest: int = NAME_MAX) -> str:
    """Text that every store can keep; it may be empty.

    Raises:
        Invalid: (`bad_text`) no text, too long, or with a character that cannot be stored.
    """
    if not isinstance(text, str) or len(text) > longest or _UNSTORABLE.search(text):
        raise Invalid(
            f"the {param} is {shown(text)}; it is text of at most {longest:,} characters, none"
            " of them a NUL or half of a surrogate pair",
            code="bad_text",
            param=param,
        )
    return text


def check_name(name: object, param: str = "name") -> str:
    """A name that a person can read: text with something other than space in it.

    Raises:
        Invalid: (`bad_text`) as `check_text`, or nothing to read.
    """
    checked = check_text(name, param)
    if not checked.strip():
        raise Invalid(f"the {param} is empty; give one to read", code="bad_text", param=param)
    return checked


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata: at most 50 text values of at most 1,000 characters, returned as a copy.

    Raises:
        Invalid: (`bad_metadata`, or `bad_text` for a single entry) it is something else.
    """
    if not isinstance(metadata, Mapping | None):
        raise Invalid(
            f"metadata maps text to text; {shown(metadata)} does not",
            code="bad_metadata",
            param="metadata",
        )
    copy = dict(metadata or {})
    if len(copy) > METADATA_MAX:
        raise Invalid(
            f"metadata has at most {METADATA_MAX} entries, not {len(copy)}",
            code="bad_metadata",
            param="metadata",
        )
    for name, value in copy.items():
        check_text(name, "metadata", KEY_MAX)
        check_text(value, f"metadata[{name}]", METADATA_VALUE_MAX)
    return copy
