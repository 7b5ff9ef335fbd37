"""Properties of usage events: what can be kept exactly, and how it reads as text. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from ledger.meter.model import Property, PropertyValue
from ledger.plan.naming import KEY_MAX
from ledger.types.errors import Invalid
from ledger.types.exact import decimal_text, parse_decimal

PROPERTIES_MAX = 50
TEXT_MAX = 1_000

_INT_BOUND = 2**63
_NUMBER_DIGITS = 100
_NAMES_MAX = 10_000

_names: set[str] = set()  # found good before


def keep(properties: Mapping[str, PropertyValue]) -> dict[str, Property]:
    """A copy of an event's properties as they are kept.

    Raises:
        Invalid: (`bad_properties`, `float_refused`, `bad_decimal`, `out_of_range`) one cannot be
            kept; the sentence names it and says why.
    """
    if not isinstance(properties, Mapping):
        raise Invalid(
            f"the properties are a {type(properties).__name__}, not a mapping of names to values",
            code="bad_properties",
            param="properties",
        )
    if len(properties) > PROPERTIES_MAX:
        raise Invalid(
            f"the event has {len(properties)} properties; {PROPERTIES_MAX} is the limit",
            code="bad_properties",
            param="properties",
        )
    kept: dict[str, Property] = {}
    for name, value in properties.items():
        is_known = type(name) is str and name in _names
        # Most values are short and plain: printable text has no NUL and no surrogate.
        if type(value) is str and len(value) <= TEXT_MAX and value.isprintable():
            plain: Property = value
        else:
            plain = _checked(name, value)
        kept[name if is_known else _name(name)] = plain
    return kept


def text_of(value: Property) -> str:
    """How a property reads where filters and groups compare it; nothing reads as ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def remember(names: set[str], name: str) -> str:
    """Note in `names` that a name is good. They are forgotten when they become many."""
    if len(names) >= _NAMES_MAX:
        names.clear()
    names.add(name)
    return name


def _checked(name: str, value: object) -> Property:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > TEXT_MAX or not _is_storable(value):
            raise _bad_properties(f"is longer than {TEXT_MAX} characters or no valid text", name)
        return str.__str__(value)
    if isinstance(value, int):
        if not -_INT_BOUND <= value < _INT_BOUND:
            raise _bad_properties("is an int of more than 64 bits; give it as text", name)
        return int(value)
    if isinstance(value, float | Decimal):
        return decimal_text(_number(value, name))
    raise _bad_properties(f"is a {type(value).__name__}, not text, a number, a bool or None", name)


def _number(value: float | Decimal, name: str) -> Decimal:
    # A float is passed on to be refused, with the sentence that every float gets.
    number: Decimal = value  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType] - the float
    return parse_decimal(
        number,
        what=f"property {name!r}",
        integer_digits=_NUMBER_DIGITS,
        fraction_digits=_NUMBER_DIGITS,
    )


def _name(name: str) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= KEY_MAX or not _is_storable(name):
        raise _bad_properties(f"has a name that is not 1 to {KEY_MAX} characters of text", name)
    return remember(_names, str.__str__(name))


def _bad_properties(what: str, name: object) -> Invalid:
    return Invalid(
        f"the property {str(name)[:40]!r} {what}", code="bad_properties", param="properties"
    )


def _is_storable(text: str) -> bool:
    """Whether it can be written as UTF-8, and into a database that ends text at a NUL."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
