"""When is an answer the expected one? By subset, and by the value of what is written."""

import re
from decimal import Decimal
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_SPACE = re.compile(r"\s+")


def matches(expected: Json, got: Json) -> bool:
    """Whether `got` holds all of `expected`: objects by subset, lists in order and length.

    Texts that are decimals are equal by value, others with any white space as one plain space.
    All else has the same type and value: 1 is neither true nor "1".
    """
    match expected, got:
        case dict(), dict():
            return all(key in got and matches(value, got[key]) for key, value in expected.items())
        case list(), list():
            return len(expected) == len(got) and all(map(matches, expected, got))
        case str(), str():
            return _value(expected) == _value(got)
        case _:
            return type(expected) is type(got) and expected == got


def _value(text: str) -> Decimal | str:
    return Decimal(text) if _DECIMAL.fullmatch(text) else _SPACE.sub(" ", text)
