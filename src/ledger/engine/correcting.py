"""Corrections that may be about more events than one transaction should hold."""

from collections.abc import Callable, Sequence

from ledger.engine.core import TenantCore
from ledger.engine.face import FLUSH_S
from ledger.engine.ports import Work
from ledger.meter.model import Retry
from ledger.meter.retrying import Names, RetriedPage, retry_keys, retry_page


def retry_unmatched(
    core: TenantCore,
    keys: str | Sequence[str] | None = None,
    *,
    customer: str | None = None,
    event: str | None = None,
    as_customer: str | None = None,
    as_event: str | None = None,
    reason: str | None = None,
    actor: str | None = None,
) -> Retry:
    """Match events that wait for a customer or feature, as they are or under other names.

    Events are matched by themselves once their customer and feature exist; this is for those that
    said a wrong name. `keys` are those of single events; without them all that wait, or those of a
    `customer` or an `event` name, as they say it. With `as_customer` or `as_event` each is replaced
    by one that says this instead; it counts, or waits under its new name.

    Works through the list in several transactions: what was done before an error stays done, and
    the call can be repeated.

    Raises:
        NotFound: no event has one of the keys.
        Conflict: one of the keys is of an event that does not wait (`not_waiting`).
        Invalid: a name that is none.
    """
    core.flush(FLUSH_S)
    names = Names(as_customer, as_event)
    if keys is not None:
        given = [keys] if isinstance(keys, str) else keys
        return _run(
            core,
            lambda work: retry_keys(work, given, names=names, reason=reason, actor=actor),
        ).retry
    total, after = Retry(), None

    def one_page(work: Work) -> RetriedPage:
        return retry_page(
            work, after, customer=customer, event=event, names=names, reason=reason, actor=actor
        )

    while True:
        part = _run(core, one_page)
        total = Retry(
            total.matched + part.retry.matched,
            total.replaced + part.retry.replaced,
            total.refused + part.retry.refused,
        )
        after = part.next_cursor
        if after is None:
            return total


def _run(core: TenantCore, work: Callable[[Work], RetriedPage]) -> RetriedPage:
    part = core.run(work, writes=True)
    core.engine.checks.recorded(core.scope, part.customers)
    return part
