"""JSON in and out, the same everywhere: exact numbers, keys of dictionaries in order.

Decimals are strings, and so are fractions (`1/3` where there is no finite decimal form); an untyped
number with a point is read as a Decimal, so no value passes through a binary float.
"""

from decimal import Decimal
from fractions import Fraction
from typing import TypeVar, cast

import msgspec

from ledger.types.errors import Invalid
from ledger.types.exact import Ratio, decimal_text, parse_exact

T = TypeVar("T")


def encode(obj: object) -> bytes:
    """`obj` as JSON; equal objects give equal bytes.

    Raises:
        Invalid: (`not_json`) it holds something that has no JSON form.
    """
    return _ENCODER.encode(obj)


def decode(data: bytes | str, type: type[T]) -> T:
    """The `type` that `data` holds.

    Raises:
        Invalid: (`bad_json`) it is not JSON, or not of that shape; the sentence says where. Checks
            of the type itself raise their own.
    """
    try:
        return _decoder(type).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"this JSON cannot be read: {error}", code="bad_json") from error


def _written(value: object) -> object:
    if isinstance(value, Fraction):
        return decimal_text(value)
    raise Invalid(f"a {type(value).__name__} has no JSON form", code="not_json")


def _read(type: object, value: object) -> object:
    return parse_exact(value) if type is Ratio and isinstance(value, str) else value


_ENCODER = msgspec.json.Encoder(enc_hook=_written, decimal_format="string", order="deterministic")


_decoders: dict[object, object] = {}


def _decoder(type: type[T]) -> msgspec.json.Decoder[T]:
    made = _decoders.get(type)
    if made is None:
        made = _decoders[type] = msgspec.json.Decoder(type, dec_hook=_read, float_hook=Decimal)
    # A dictionary cannot say that the value has the type of its key.
    return cast("msgspec.json.Decoder[T]", made)
