"""`ledger usage get`, `void`, `replace`: single usage events, by their keys."""

from typing import Annotated

import typer

from ledger import StoredEvent, UsageEvent
from ledger.cli import config, options
from ledger.cli.invocation import Invocation
from ledger.cli.lookup import Names
from ledger.cli.usage import group, pair
from ledger.cli.verb import verb
from ledger.cli.wording import count, when
from ledger.cli.wording import quantity as quantity_text

Key = Annotated[
    str,
    typer.Argument(metavar="KEY", help="The event's key; the id of one that was sent without."),
]


@verb(
    group,
    "get",
    examples=["ledger usage get order-1042", "ledger usage get order-1042 --json"],
)
def get(invocation: Invocation, key: Key) -> None:
    """One usage event as it is stored, and whether it counts, waits, or is void."""
    with invocation.tenant() as tenant:
        _show(invocation, tenant.usage.get(key), Names(tenant))


@verb(
    group,
    "void",
    examples=[
        'ledger usage void order-1042 --reason "a load test"',
        'ledger usage void order-1043 order-1044 --reason "a load test" --actor ops@example.com',
    ],
)
def void(
    invocation: Invocation,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="The keys of events.")],
    *,
    reason: options.Reason,
    actor: options.Actor = None,
) -> None:
    """Take usage events back, all or none: they count nowhere any more.

    What they said stays, and the event log says who voided them and why. Sent again they do not
    count. Invoices that are final stay as they are; the next one makes up for what is owed.
    """
    with invocation.tenant() as tenant:
        voided = tenant.usage.void(keys, reason=reason, actor=actor)
    if invocation.out.json:
        invocation.out.data(voided)
    else:
        invocation.out.text(f"{count(len(voided), 'event')} voided")


@verb(
    group,
    "replace",
    examples=[
        'ledger usage replace order-1042 --quantity 20 --reason "a typo"',
        'ledger usage replace order-1042 --customer lynx --reason "the wrong customer" --json',
    ],
)
def replace(
    invocation: Invocation,
    key: Key,
    *,
    reason: options.Reason,
    customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="Whose usage it is.")
    ] = None,
    event: Annotated[str | None, typer.Option(metavar="NAME", help="The event's name.")] = None,
    quantity: Annotated[str | None, typer.Option(metavar="N", help="An exact number.")] = None,
    time: Annotated[str | None, typer.Option(metavar="INSTANT", help="When it happened.")] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME=VALUE", help="A property; may be given again."),
    ] = None,
    actor: options.Actor = None,
) -> None:
    """Store another usage event in the place of one: what is not said stays as it was.

    The old event is void, the new one has its key and counts instead.
    """
    with invocation.tenant() as tenant:
        before = tenant.usage.get(key)
        said = dict(pair(each, "property") for each in properties or ())
        new = UsageEvent(
            event=event or before.event,
            customer=customer or before.customer,
            quantity=before.quantity if quantity is None else quantity,
            time=config.instant(time, "time") if time else None,
            properties={**before.properties, **said},
            subscription=before.subscription,
        )
        after = tenant.usage.replace(key, new, reason=reason, actor=actor)
        _show(invocation, after, Names(tenant))


def _show(invocation: Invocation, event: StoredEvent, names: Names) -> None:
    if invocation.out.json:
        invocation.out.data(event)
        return
    is_known = event.unmatched != "unknown_customer"
    state = f"waits: {event.unmatched}" if event.state == "unmatched" else event.state
    invocation.out.facts(
        [
            ("key", event.key),
            ("id", event.id),
            ("state", state),
            ("customer", names.customer(event.customer) if is_known else event.customer),
            ("event", event.event),
            ("quantity", quantity_text(event.quantity)),
            ("time", when(event.time)),
            *(("property", f"{name}={value}") for name, value in event.properties.items()),
            ("subscription", event.subscription or ""),
            ("received", when(event.received_at)),
            ("voided", when(event.voided_at)),
            ("reason", event.void_reason or ""),
        ]
    )
