"""`ledger usage`: what customers used."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger import Invalid, UsageEvent, UsageRow
from ledger.cli import config, options
from ledger.cli.failure import CONFLICT, FAILED, OK
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.cli.wording import quantity as quantity_text
from ledger.cli.wording import when

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

group = typer.Typer(help="What customers used: record it, import it, look at it.")

Window = Literal["hour", "day", "month"]
_CODES = {"accepted": OK, "duplicate": OK, "conflict": CONFLICT, "rejected": FAILED}


@verb(
    group,
    "record",
    examples=[
        "ledger usage record kestrel image.generated",
        "ledger usage record kestrel image.generated 25 --key order-1042",
        "ledger usage record kestrel llm.request --property input_tokens=1200",
    ],
)
def record(
    invocation: Invocation,
    customer: options.CustomerRef,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's name.")],
    quantity: Annotated[
        str, typer.Argument(metavar="QUANTITY", help="An exact number, such as 3 or 0.5.")
    ] = "1",
    *,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The event's identity: sent twice, it counts once."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When it happened; now without it.")
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME=VALUE", help="A property; may be given again."),
    ] = None,
    subscription: Annotated[
        str | None,
        typer.Option(metavar="SUBSCRIPTION", help="The subscription that it is meant for."),
    ] = None,
) -> int:
    """Store one usage event, and say what became of it."""
    used = UsageEvent(
        event=event,
        customer=customer,
        quantity=quantity,
        key=key,
        time=config.instant(time, "time") if time else None,
        properties=dict(pair(each, "property") for each in properties or ()),
        subscription=subscription,
    )
    with invocation.tenant() as tenant:
        (result,) = tenant.usage.record([used])
    if invocation.out.json:
        invocation.out.data(result)
    else:
        invocation.out.text(" ".join(filter(None, (result.outcome, result.id, result.reason))))
        if result.unmatched:
            invocation.out.say(
                f"It counts as soon as its {result.unmatched.removeprefix('unknown_')} is known."
            )
    return _CODES[result.outcome]


_COLUMNS = (Column("START"), Column("END"), Column("QUANTITY", right=True))


@verb(
    group,
    "show",
    examples=[
        "ledger usage show kestrel input_tokens",
        "ledger usage show kestrel input_tokens --start 2025-11-01 --end 2025-12-01 --window day",
        "ledger usage show kestrel output_tokens --group-by model --json",
    ],
)
def show(
    invocation: Invocation,
    customer: options.CustomerRef,
    feature: options.FeatureRef,
    *,
    start: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="From then on; the current billing period without."),
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="INSTANT", help="To before then.")] = None,
    window: Annotated[
        Window | None, typer.Option(help="A row for each of these, not one for all.")
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option(metavar="PROPERTY", help="A row for each value; may be given again."),
    ] = None,
) -> None:
    """What a customer used of a feature: by default in the current billing period."""
    since = config.instant(start, "start") if start else None
    until = config.instant(end, "end") if end else None
    with invocation.tenant() as tenant:
        rows = _rows(tenant, customer, feature, since, until, window, group_by or ())
    if invocation.out.json:
        invocation.out.data(rows)
        return
    groups = [Column(name.upper()) for name in group_by or ()]
    if rows:
        invocation.out.table(
            [*_COLUMNS[:2], *groups, _COLUMNS[2]], [_row(each, group_by or ()) for each in rows]
        )
    else:
        invocation.out.say(f"{customer} has used no {feature} in that time.")


def pair(text: str, param: str) -> tuple[str, str]:
    """The two sides of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"{text!r} is not name=value", code="bad_pair", param=param)
    return name, value


def _rows(
    tenant: "Tenant[Blocking]",
    customer: str,
    feature: str,
    start: datetime | None,
    end: datetime | None,
    window: Window | None,
    group_by: Sequence[str],
) -> list[UsageRow]:
    return list(
        tenant.usage.query(
            customer, feature, start=start, end=end, window=window, group_by=tuple(group_by)
        )
    )


def _row(row: UsageRow, group_by: Sequence[str]) -> Sequence[str]:
    groups = [row.group.get(name, "") for name in group_by]
    return when(row.start), when(row.end), *groups, quantity_text(row.quantity)
