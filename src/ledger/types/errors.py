"""The six errors, named by who can act on them; nothing else leaves Ledger as an error."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

_SHOWN_MAX = 60


class LedgerError(Exception):
    """A refusal: a stable `code`, a full sentence, and the facts as attributes.

    Args:
        message: a clause that names the thing and its state, without a full stop.
        code: a stable word for programs, in snake_case.
        param: the argument or field at fault, if it is one.
        **facts: what a caller may want to read or show; each is an attribute too, as long as no
            attribute of the class has its name (`facts["status"]` is never the HTTP `status`).
    """

    status: int = 500
    """The HTTP status that says the same."""

    message: str
    code: str
    param: str | None
    facts: Mapping[str, object]

    status_by_code: ClassVar[Mapping[str, int]] = {}

    def __init__(
        self, message: str, *, code: str, param: str | None = None, **facts: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.facts = facts
        self.status = self.status_by_code.get(code, type(self).status)

    def __getattr__(self, name: str) -> object:
        # Read through __dict__: `facts` is not there yet while an error is unpickled.
        facts: Mapping[str, object] = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(f"{type(self).__name__} has no attribute or fact {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, code={self.code!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # Not by calling the class again: each has arguments of its own.
        return _blank, (type(self), self.args), self.__dict__


def _blank(cls: type[LedgerError], args: tuple[object, ...]) -> LedgerError:
    return cls.__new__(cls, *args)


class Invalid(LedgerError):  # noqa: N818  the name says who can act
    """The request is wrong: whoever wrote it can act."""

    status = 422

    def __init__(
        self, message: str, *, code: str = "invalid", param: str | None = None, **facts: object
    ) -> None:
        super().__init__(message, code=code, param=param, **facts)


class NotFound(LedgerError):  # noqa: N818  the name says who can act
    """There is no such thing in this tenant and app; whether another has it is not told.

    Args:
        entity: what was looked for, in the words of the glossary: `"plan"`, `"line item"`.
        id: the id or key that was asked for.
    """

    status = 404

    def __init__(self, entity: str, id: str) -> None:
        super().__init__(
            f"there is no {entity} {id!r}",
            code=f"{entity.replace(' ', '_')}_not_found",
            entity=entity,
            id=id,
        )


class Conflict(LedgerError):  # noqa: N818  the name says who can act
    """The request is well formed, but the thing is in a state that does not allow it."""

    status = 409


class Denied(LedgerError):  # noqa: N818  the name says who can act
    """The caller may not: 401 not known, 402 not paid, 429 too often, else 403 not allowed."""

    status = 403
    status_by_code: ClassVar[Mapping[str, int]] = {
        "unauthenticated": 401,
        "bad_api_key": 401,
        "payment_required": 402,
        "spend_cap_reached": 402,
        "rate_limited": 429,
    }


class Unavailable(LedgerError):  # noqa: N818  the name says who can act
    """Something that is needed does not answer or is not installed; later it may."""

    status = 503
    status_by_code: ClassVar[Mapping[str, int]] = {"timed_out": 504}


class Broken(LedgerError):  # noqa: N818  the name says who can act
    """An invariant does not hold: a defect of Ledger, or damaged data. Nobody outside can act."""

    status = 500


def shown(value: object) -> str:
    """What a sentence shows of a value that somebody gave: at most 60 characters of anything."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"with {value.bit_length()} bits"  # its digits would take long to compute
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except ValueError:
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…"
