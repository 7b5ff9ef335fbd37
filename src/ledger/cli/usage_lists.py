"""`ledger usage unmatched`, `rejected`, `retry`, `dismiss`: usage that does not count, and why."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from ledger import EventResult, Invalid, RejectedEvent, Retry, StoredEvent
from ledger.cli import config, options
from ledger.cli.failure import FAILED, OK
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.usage import group
from ledger.cli.verb import verb
from ledger.cli.wording import count, when
from ledger.cli.wording import quantity as quantity_text

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

T = TypeVar("T")
Reason = Literal["unknown_customer", "unknown_event"]
Outcome = Literal["rejected", "conflict"]
Which = Annotated[
    Literal["unmatched", "rejected"],
    typer.Argument(help="Of which list: the events that wait, or those that were refused."),
]
Handles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[EVENT...]",
        help="The keys of unmatched events, the ids of rejected ones; without, all that is chosen.",
    ),
]
OfCustomer = Annotated[
    str | None,
    typer.Option("--customer", metavar="CUSTOMER", help="Unmatched: of this customer, as it says."),
]
OfEvent = Annotated[
    str | None, typer.Option("--event", metavar="NAME", help="Unmatched: of this event name.")
]
OfOutcome = Annotated[Outcome | None, typer.Option("--outcome", help="Rejected: of this outcome.")]
OfCode = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="Rejected: for this reason, such as too_late."),
]

PORTION = 1_000
SHOWN_MAX = 10
_UNMATCHED = (
    Column("KEY"),
    Column("CUSTOMER"),
    Column("EVENT"),
    Column("QUANTITY", right=True),
    Column("TIME"),
    Column("WAITS FOR"),
)
_REJECTED = (
    Column("ID"),
    Column("KEY"),
    Column("CUSTOMER"),
    Column("EVENT"),
    Column("QUANTITY", right=True),
    Column("TIME"),
    Column("REASON"),
)


@verb(
    group,
    "unmatched",
    examples=[
        "ledger usage unmatched",
        "ledger usage unmatched --customer kestral --json",
        "ledger usage unmatched --reason unknown_event",
    ],
)
def unmatched(
    invocation: Invocation,
    *,
    reason: Annotated[Reason | None, typer.Option(help="Only what waits for this.")] = None,
    customer: OfCustomer = None,
    event: OfEvent = None,
    limit: options.Limit = 50,
) -> None:
    """The usage events that wait for their customer or feature to be known, oldest first."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.usage.unmatched(reason=reason, customer=customer, event=event),
            limit,
            _UNMATCHED,
            _unmatched_row,
            empty="No such usage waits: its customers and features are known.",
        )


@verb(
    group,
    "rejected",
    examples=["ledger usage rejected", "ledger usage rejected --code too_late --limit 10 --json"],
)
def rejected(
    invocation: Invocation,
    *,
    outcome: OfOutcome = None,
    code: OfCode = None,
    limit: options.Limit = 50,
) -> None:
    """The usage events that were refused, with the reason, oldest first."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.usage.rejected(outcome=outcome, code=code),
            limit,
            _REJECTED,
            _rejected_row,
            empty="No such usage was refused.",
        )


@verb(
    group,
    "retry",
    examples=[
        "ledger usage retry unmatched",
        "ledger usage retry unmatched --customer kestral --as-customer kestrel",
        "ledger usage retry rejected --code conflict",
        "ledger usage retry rejected EVENT_ID --as-key order-1042-b",
    ],
)
def retry(
    invocation: Invocation,
    which: Which,
    events: Handles = None,
    *,
    customer: OfCustomer = None,
    event: OfEvent = None,
    outcome: OfOutcome = None,
    code: OfCode = None,
    as_customer: Annotated[
        str | None, typer.Option(metavar="CUSTOMER", help="The customer they should have said.")
    ] = None,
    as_event: Annotated[
        str | None, typer.Option(metavar="NAME", help="The event name they should have said.")
    ] = None,
    as_time: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Rejected: the time to say.")
    ] = None,
    as_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Rejected: another key, for a single event.")
    ] = None,
    reason: options.ReasonOrNone = None,
    actor: options.Actor = None,
) -> int:
    """Give usage that waits or was refused another chance, as it is or with what it should say.

    What waits is matched by itself once its customer and feature exist; this is for wrong names.
    What was refused leaves its list when it is accepted now, and stays as it was when not.
    """
    _check_choice(which, customer=customer, event=event, outcome=outcome, code=code)
    _check_choice(which, as_time=as_time, as_key=as_key)
    with invocation.tenant() as tenant:
        if which == "unmatched":
            told = tenant.usage.retry_unmatched(
                events or None, customer=customer, event=event, as_customer=as_customer,
                as_event=as_event, reason=reason, actor=actor,
            )  # fmt: skip  # what is chosen, and what is said
            return _tell_matched(invocation, told)
        results: list[EventResult] = []
        for ids in _portions(events or (e.id for e in _all_rejected(tenant, outcome, code))):
            results += tenant.usage.retry_rejected(
                ids, as_customer=as_customer, as_event=as_event,
                as_time=config.instant(as_time, "as_time") if as_time else None,
                as_key=as_key, reason=reason, actor=actor,
            )  # fmt: skip  # what is chosen, and what is said
    return _tell_results(invocation, results)


@verb(
    group,
    "dismiss",
    examples=[
        'ledger usage dismiss unmatched --customer kestral --reason "a test account"',
        'ledger usage dismiss rejected EVENT_ID --reason "sent twice"',
        'ledger usage dismiss rejected --code too_late --reason "billed by hand"',
    ],
)
def dismiss(
    invocation: Invocation,
    which: Which,
    events: Handles = None,
    *,
    reason: options.Reason,
    customer: OfCustomer = None,
    event: OfEvent = None,
    outcome: OfOutcome = None,
    code: OfCode = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the list.")] = False,
    actor: options.Actor = None,
) -> None:
    """Give usage up that waits or was refused: it leaves its list, and the event log keeps it."""
    _check_choice(which, customer=customer, event=event, outcome=outcome, code=code)
    if not (events or customer or event or outcome or code or everything):
        raise Invalid(
            "nothing says which events: give some, or --customer, --event, --outcome, --code, or"
            " --all",
            code="nothing_chosen",
        )
    dismissed = 0
    with invocation.tenant() as tenant:
        if which == "unmatched":
            waiting = tenant.usage.unmatched(customer=customer, event=event)
            for keys in _portions(events or (each.key for each in list(waiting))):
                tenant.usage.dismiss_unmatched(keys, reason=reason, actor=actor)
                dismissed += len(keys)
        else:
            for ids in _portions(events or (e.id for e in _all_rejected(tenant, outcome, code))):
                tenant.usage.dismiss_rejected(ids, reason=reason, actor=actor)
                dismissed += len(ids)
    if invocation.out.json:
        invocation.out.data({"dismissed": dismissed})
    else:
        invocation.out.text(f"{count(dismissed, 'event')} dismissed")


def _check_choice(which: str, **given: str | None) -> None:
    """An option of the other list is a mistake, not nothing."""
    own = {"unmatched": ("customer", "event"), "rejected": ("outcome", "code", "as_time", "as_key")}
    for name, value in given.items():
        if value is not None and name not in own[which]:
            option = name.replace("_", "-")
            raise Invalid(f"--{option} is not for {which} usage", code="bad_option", param=name)


def _all_rejected(
    tenant: "Tenant[Blocking]", outcome: Outcome | None, code: str | None
) -> list[RejectedEvent]:
    return list(tenant.usage.rejected(outcome=outcome, code=code, limit=PORTION))


def _portions(items: Sequence[T] | Iterator[T]) -> Iterator[list[T]]:
    """As many as go into one transaction."""
    iterator = iter(items)
    while some := list(islice(iterator, PORTION)):
        yield some


def _tell_matched(invocation: Invocation, told: Retry) -> int:
    if invocation.out.json:
        invocation.out.data(told)
    else:
        numbers = {"matched": told.matched, "replaced": told.replaced, "refused": told.refused}
        invocation.out.facts((name, f"{number:>10,}") for name, number in numbers.items())
    return FAILED if told.refused else OK


def _tell_results(invocation: Invocation, results: Sequence[EventResult]) -> int:
    failed = [each for each in results if each.outcome in {"conflict", "rejected"}]
    if invocation.out.json:
        invocation.out.data(results)
    else:
        names = ("accepted", "duplicate", "conflict", "rejected")
        numbers = Counter[str](each.outcome for each in results)
        invocation.out.facts((name, f"{numbers[name]:>10,}") for name in names)
        for each in failed[:SHOWN_MAX]:
            invocation.out.say(f"{each.id}: {each.reason}")
        if len(failed) > SHOWN_MAX:
            invocation.out.say(f"and {len(failed) - SHOWN_MAX:,} more")
    return FAILED if failed else OK


def _unmatched_row(event: StoredEvent) -> Sequence[str]:
    return (
        event.key,
        event.customer,
        event.event,
        quantity_text(event.quantity),
        when(event.time),
        (event.unmatched or "").removeprefix("unknown_"),
    )


def _rejected_row(rejected: RejectedEvent) -> Sequence[str]:
    event = rejected.event
    return (
        rejected.id,
        event.key or "",
        event.customer,
        event.event,
        str(event.quantity),
        when(event.time),
        rejected.reason,
    )
