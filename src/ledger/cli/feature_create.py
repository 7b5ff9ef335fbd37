"""`ledger features create`: a feature from options, its meter and conversion included."""

from typing import Annotated, Literal

import typer

from ledger import Conversion, Feature, Invalid, Meter
from ledger.cli.invocation import Invocation
from ledger.cli.usage import pair
from ledger.cli.verb import verb

Kind = Literal["boolean", "licensed", "metered"]
Aggregation = Literal["count", "sum", "max", "last", "unique", "weighted_sum"]
LevelMode = Literal["set", "change"]
Per = Literal["second", "hour", "day"]
Rounding = Literal["none", "up", "down", "half_up"]

_NO_UNIT = "unit"
_METER, _CONVERSION = "What a metered feature counts", "The unit that is priced"

Event = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The events read; the key without.", rich_help_panel=_METER),
]
Aggregated = Annotated[
    Aggregation,
    typer.Option(help="How their values add up.", rich_help_panel=_METER),
]
Property = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The property that is the value; the event's quantity without.",
        rich_help_panel=_METER,
    ),
]
Computed = Annotated[
    str | None,
    typer.Option(
        "--expression",
        metavar="TEXT",
        help="The value computed from properties, such as 'input + 4 * output'.",
        rich_help_panel=_METER,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only events with this property count; may be given again.",
        rich_help_panel=_METER,
    ),
]
Dimensions = Annotated[
    list[str] | None,
    typer.Option(
        "--dimension",
        metavar="NAME",
        help="A property to group usage by; may be given again.",
        rich_help_panel=_METER,
    ),
]
Level = Annotated[
    LevelMode,
    typer.Option(
        help="Whether an event sets or changes the level of a weighted_sum.",
        rich_help_panel=_METER,
    ),
]
PerUnit = Annotated[
    Per | None,
    typer.Option(
        "--per",
        help="A weighted_sum is level times this time; the average without.",
        rich_help_panel=_METER,
    ),
]
DivideBy = Annotated[
    str | None,
    typer.Option(metavar="N", help="Price usage divided by this.", rich_help_panel=_CONVERSION),
]
MultiplyBy = Annotated[
    str | None,
    typer.Option(metavar="N", help="Price usage multiplied by this.", rich_help_panel=_CONVERSION),
]
RoundedHow = Annotated[
    Rounding,
    typer.Option(
        "--rounding", help="How the converted total is rounded.", rich_help_panel=_CONVERSION
    ),
]
Digits = Annotated[
    int,
    typer.Option(
        metavar="N", help="How many digits stay after the point.", rich_help_panel=_CONVERSION
    ),
]
PricedUnit = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help='Names one of what is priced: "thousand calls".',
        rich_help_panel=_CONVERSION,
    ),
]


def register(group: typer.Typer) -> None:
    """Make it a verb of `ledger features`."""
    verb(
        group,
        "create",
        examples=[
            "ledger features create sso --kind boolean",
            "ledger features create tokens --event llm.request --property tokens --unit token",
            "ledger features create users --event login --aggregation unique --property user",
            "ledger features create disk --aggregation weighted_sum --per hour --unit 'GB hour'",
            "ledger features create calls --divide-by 1000 --priced-unit 'thousand calls'",
            "ledger features create work --expression 'input + 4 * output'",
        ],
    )(create)


def create(
    invocation: Invocation,
    key: Annotated[str, typer.Argument(metavar="KEY", help="What plans and code call it.")],
    *,
    kind: Annotated[Kind, typer.Option(help="A switch, seats, or usage.")] = "metered",
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="What people call it; the key without.")
    ] = "",
    unit: Annotated[
        str, typer.Option(metavar="TEXT", help='Names one of it, on invoices: "call".')
    ] = "unit",
    event: Event = None,
    aggregation: Aggregated = "sum",
    property: Property = None,
    expression: Computed = None,
    where: Where = None,
    dimensions: Dimensions = None,
    level: Level = "set",
    per: PerUnit = None,
    divide_by: DivideBy = None,
    multiply_by: MultiplyBy = None,
    rounding: RoundedHow = "none",
    digits: Digits = 0,
    priced_unit: PricedUnit = "unit",
) -> None:
    """Create a feature: something that plans can include.

    A metered one counts the quantity of the events of its own key unless the options say otherwise.
    Events that waited for it count at once.
    """
    meter = Meter(
        event=event or key,
        aggregation=aggregation,
        property=property,
        where=dict(pair(each, "where") for each in where or ()),
        dimensions=tuple(dimensions or ()),
        expression=expression,
        level=level,
        per=per,
    )
    is_default = meter == Meter(event=key)
    feature = Feature(
        key,
        kind,
        meter=None if is_default else meter,
        unit=unit,
        name=name,
        conversion=_conversion(divide_by, multiply_by, rounding, digits, priced_unit),
    )
    with invocation.tenant() as tenant:
        created = tenant.features.create(feature)
    if invocation.out.json:
        invocation.out.data(created)
    else:
        told = metered(created)
        invocation.out.text(f"{created.key} is created{f': {told}' if told else ''}.")


def metered(feature: Feature, *, width: int | None = None) -> str:
    """`sum of input_tokens of llm.request where model=large`, and how it is priced.

    Of an expression at most `width` characters are shown.
    """
    meter = feature.meter
    if meter is None:
        return ""
    value = meter.property or (f"({_cut(meter.expression, width)})" if meter.expression else "")
    of = f" of {value}" if value else ""
    changed = "changes of a level" if meter.level == "change" else ""
    level = f" of {changed}" if changed and not value else f" by {changed}" if changed else ""
    per = f" per {meter.per}" if meter.per else ""
    filters = ", ".join(f"{name}={value}" for name, value in sorted(meter.where.items()))
    where = f" where {filters}" if filters else ""
    by = f" by {', '.join(meter.dimensions)}" if meter.dimensions else ""
    return f"{meter.aggregation}{per}{of}{level} of {meter.event}{where}{by}{_priced(feature)}"


def _cut(text: str, width: int | None) -> str:
    line = " ".join(text.split())
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def _priced(feature: Feature) -> str:
    conversion = feature.conversion
    if conversion is None:
        return ""
    sign = "÷" if conversion.operation == "divide" else "×"
    unit = "" if conversion.unit == _NO_UNIT else f" in {conversion.unit}"
    digits = f" to {conversion.digits} digits" if conversion.digits else ""
    rounded = "" if conversion.rounding == "none" else f", rounded {conversion.rounding}{digits}"
    return f", priced{unit} {sign} {conversion.factor:f}{rounded}"


def _conversion(
    divide_by: str | None, multiply_by: str | None, rounding: Rounding, digits: int, unit: str
) -> Conversion | None:
    if divide_by is not None and multiply_by is None:
        return Conversion("divide", divide_by, rounding, digits, unit)
    if multiply_by is not None and divide_by is None:
        return Conversion("multiply", multiply_by, rounding, digits, unit)
    if divide_by is None and (rounding, digits, unit) == ("none", 0, "unit"):
        return None
    raise Invalid(
        "a conversion divides or multiplies: give --divide-by or --multiply-by, and one of them",
        code="bad_conversion",
        param="divide_by",
    )
