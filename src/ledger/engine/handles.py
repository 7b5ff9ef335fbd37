"""The handles of a tenant: a class for each noun, a line for each verb.

Each verb is an operation of a slice; its documentation is the operation's.
"""

from decimal import Decimal

from ledger.customer import operations as customer
from ledger.engine import backfilling, billing, checking, correcting, metering, retention
from ledger.engine.face import F, Handle, flow, listed, op
from ledger.engine.sequence import then
from ledger.entitlement import operations as entitlement
from ledger.entitlement.model import Entitlement
from ledger.event import operations as event
from ledger.invoice import explain
from ledger.invoice import operations as invoice
from ledger.meter import operations as meter
from ledger.meter import redefining
from ledger.plan import operations as plan
from ledger.subscription import operations as subscription


class Features(Handle[F]):
    """What plans can include: switches, seats, metered usage."""

    create = flow(backfilling.create, writes=True)
    get = op(plan.get_feature, writes=False)
    list = listed(plan.page_features)
    update = flow(backfilling.update, writes=True, like=redefining.update_feature)
    backfill = flow(backfilling.backfill, writes=True)
    archive = op(plan.archive_feature)


class Plans(Handle[F]):
    """What is sold, in versions."""

    create = op(plan.create)
    get = op(plan.get, writes=False)
    list = listed(plan.page)
    versions = op(plan.versions, writes=False)
    update = op(plan.update)
    publish = op(plan.publish)
    archive = op(plan.archive)


class Customers(Handle[F]):
    """Who is billed."""

    create = op(then(customer.create, meter.match_customer))
    get = op(customer.get, writes=False)
    list = listed(customer.page)
    update = op(then(customer.update, meter.match_customer))
    archive = op(then(customer.archive, subscription.refuse_live))


class Subscriptions(Handle[F]):
    """Which customer has which plan."""

    create = op(then(subscription.create, invoice.follow))
    get = op(subscription.get, writes=False)
    list = listed(subscription.page)
    cancel = op(then(subscription.cancel, invoice.follow))
    uncancel = op(then(subscription.uncancel, invoice.follow))


class Usage(Handle[F]):
    """Usage events and what they come to."""

    record = flow(metering.record, writes=True)
    total = op(meter.total, writes=False, flush=True)
    query = op(meter.query, writes=False, flush=True)
    get = op(meter.get, writes=False, flush=True)
    list = listed(meter.page)
    void = op(meter.void, flush=True)
    replace = op(meter.replace, flush=True)
    unmatched = listed(meter.unmatched_page)
    retry_unmatched = flow(correcting.retry_unmatched, writes=True)
    dismiss_unmatched = op(meter.dismiss_unmatched, flush=True)
    rejected = listed(meter.rejected_page)
    retry_rejected = op(meter.retry_rejected, flush=True)
    dismiss_rejected = op(meter.dismiss_rejected)
    expirable = op(retention.expirable, writes=False)
    expire = flow(retention.expire, writes=True)


class Entitlements(Handle[F]):
    """What a customer may do now."""

    check = flow(checking.check)
    fresh = op(entitlement.check, writes=False, flush=True)

    def cached(
        self, customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement | None:
        """The cached answer, or None when it would have to be read. Never waits, on either face.

        Raises Invalid for a quantity that is negative or no exact number.
        """
        core = self._core
        return core.engine.checks.cached(core.scope, customer, feature, quantity)


class Invoices(Handle[F]):
    """What customers owe, and how it came about."""

    preview = op(invoice.preview, writes=False, flush=True)
    generate = op(invoice.generate, flush=True)
    finalize = op(invoice.finalize, flush=True)
    get = op(invoice.get, writes=False)
    list = listed(invoice.page)
    void = op(invoice.void)
    explain = op(explain.explain, writes=False)


class Billing(Handle[F]):
    """Bills everybody who is due."""

    run = flow(billing.run)


class Events(Handle[F]):
    """The log of what happened."""

    list = listed(event.page)
