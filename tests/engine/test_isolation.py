"""A stranger with every id in hand walks all verbs, and sees and changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import ledger
from ledger import USD, Feature, LedgerError, Limit, NotFound, Plan, Price, UsageEvent
from ledger.engine.engine import Engine
from tests.engine.faces import declared

Victim = dict[str, Any]


@pytest.fixture
def victim(engine: Engine) -> Victim:
    acme = engine.tenant("acme", app="a")
    acme.features.create(Feature("calls", "metered"))
    acme.plans.create(
        Plan("pro", "Pro", "USD", prices=[Price.flat(USD(4900)), Price.per_unit("calls", "1")],
             entitlements={"calls": Limit(10)})
    )  # fmt: skip
    jane = acme.customers.create(name="Jane", external_id="user_42")
    sub = acme.subscriptions.create(customer="user_42", plan="pro")
    invoice = acme.invoices.generate(sub.id)
    ahead = jane.created_at.replace(year=2099)
    used = [
        UsageEvent("calls", "user_42", 3, "v"),
        UsageEvent("calls", "nobody", key="w"),
        UsageEvent("calls", "user_42", time=ahead),
    ]
    refused = acme.usage.record(used)[2].id
    return {"customer": jane.id, "subscription": sub.id, "invoice": invoice.id, "refused": refused}


# What a stranger might try for each verb; `v` holds the victim's ids.
REFUSED: dict[str, Callable[[Any, Victim], object]] = {
    "features.get": lambda t, _: t.features.get("calls"),
    "features.update": lambda t, _: t.features.update("calls", name="mine"),
    "features.backfill": lambda t, _: t.features.backfill("calls", force=True),
    "features.archive": lambda t, _: t.features.archive("calls"),
    "plans.get": lambda t, _: t.plans.get("pro"),
    "plans.versions": lambda t, _: t.plans.versions("pro"),
    "plans.update": lambda t, _: t.plans.update("pro", Plan("pro", "Mine", "USD")),
    "plans.publish": lambda t, _: t.plans.publish("pro"),
    "plans.archive": lambda t, _: t.plans.archive("pro"),
    "customers.get": lambda t, v: t.customers.get(v["customer"]),
    "customers.update": lambda t, v: t.customers.update(v["customer"], name="mine"),
    "customers.archive": lambda t, v: t.customers.archive(v["customer"]),
    "subscriptions.create": lambda t, v: t.subscriptions.create(v["customer"], "pro"),
    "subscriptions.get": lambda t, v: t.subscriptions.get(v["subscription"]),
    "subscriptions.cancel": lambda t, v: t.subscriptions.cancel(v["subscription"]),
    "subscriptions.uncancel": lambda t, v: t.subscriptions.uncancel(v["subscription"]),
    "usage.total": lambda t, _: t.usage.total("user_42", "calls"),
    "usage.query": lambda t, _: t.usage.query("user_42", "calls"),
    "usage.get": lambda t, _: t.usage.get("v"),
    "usage.void": lambda t, _: t.usage.void("v", reason="mine"),
    "usage.replace": lambda t, _: t.usage.replace(
        "v", UsageEvent("calls", "user_42"), reason="mine"
    ),
    "usage.retry_unmatched": lambda t, _: t.usage.retry_unmatched("w", as_customer="user_42"),
    "usage.dismiss_unmatched": lambda t, _: t.usage.dismiss_unmatched("w", reason="mine"),
    "usage.retry_rejected": lambda t, v: t.usage.retry_rejected(v["refused"]),
    "usage.dismiss_rejected": lambda t, v: t.usage.dismiss_rejected(v["refused"], reason="mine"),
    "entitlements.check": lambda t, _: t.entitlements.check("user_42", "calls"),
    "entitlements.fresh": lambda t, _: t.entitlements.fresh("user_42", "calls"),
    "invoices.preview": lambda t, v: t.invoices.preview(v["subscription"]),
    "invoices.generate": lambda t, v: t.invoices.generate(v["subscription"]),
    "invoices.finalize": lambda t, v: t.invoices.finalize(v["invoice"]),
    "invoices.get": lambda t, v: t.invoices.get(v["invoice"]),
    "invoices.void": lambda t, v: t.invoices.void(v["invoice"], "mine"),
    "invoices.explain": lambda t, v: t.invoices.explain(v["invoice"]),
}
EMPTY: dict[str, Callable[[Any, Victim], object]] = {
    "features.list": lambda t, _: list(t.features.list()),
    "plans.list": lambda t, _: list(t.plans.list()),
    "customers.list": lambda t, _: list(t.customers.list()),
    "subscriptions.list": lambda t, _: list(t.subscriptions.list()),
    "usage.list": lambda t, _: list(t.usage.list()),
    "usage.unmatched": lambda t, _: list(t.usage.unmatched()),
    "usage.rejected": lambda t, _: list(t.usage.rejected()),
    "usage.expire": lambda t, _: t.usage.expire(datetime(2020, 1, 1, tzinfo=UTC)).events,
    "entitlements.cached": lambda t, _: t.entitlements.cached("user_42", "calls"),
    "invoices.list": lambda t, _: list(t.invoices.list()),
    "events.list": lambda t, _: list(t.events.list()),
}
OWN = {
    "features.create", "plans.create", "customers.create", "usage.record", "usage.expirable",
    "billing.run",
}  # fmt: skip  # a list of names reads best as one


def test_the_walk_misses_no_verb() -> None:
    verbs = {f"{name.lower()}.{verb}" for name, verbs in declared().items() for verb in verbs}
    assert verbs == REFUSED.keys() | EMPTY.keys() | OWN
    with ledger.open("sqlite:///:memory:") as engine:
        door = {name for name in dir(engine.tenant("acme")) if not name.startswith("_")}
    assert door == {verb.partition(".")[0] for verb in verbs} | {"meter", "entitled", "flush"}


@pytest.mark.parametrize("app", ["a", "b"])
def test_a_stranger_sees_and_changes_nothing(engine: Engine, victim: Victim, app: str) -> None:
    # The other tenant with the same app, and the same tenant with another app.
    stranger = engine.tenant("other" if app == "a" else "acme", app=app)
    before = _picture(engine)
    for verb, attempt in REFUSED.items():
        assert isinstance(_refusal(attempt, stranger, victim), NotFound), verb
    for verb, attempt in EMPTY.items():
        assert not attempt(stranger, victim), verb
    assert stranger.billing.run().generated == 0
    assert _picture(engine) == before


def test_what_a_stranger_says_of_another_tenants_ids_is_only_the_strangers(
    engine: Engine, victim: Victim
) -> None:
    stranger, before = engine.tenant("other", app="a"), _picture(engine)
    event = UsageEvent("calls", victim["customer"], 5, subscription=victim["subscription"])
    (recorded,) = stranger.usage.record([event])
    stranger.meter(victim["customer"], "calls", 5)
    stranger.flush()
    assert recorded.outcome == "accepted"
    assert len(list(stranger.usage.unmatched())) == 2
    with pytest.raises(NotFound):
        stranger.entitled(victim["customer"], "calls")
    # The same names are free, and what was said of them meanwhile counts for the stranger alone.
    stranger.features.create(Feature("calls", "metered"))
    stranger.plans.create(Plan("pro", "Mine", "USD", prices=[Price.per_unit("calls", "7")]))
    stranger.customers.create(name="Mine", external_id="user_42")
    assert stranger.entitled("user_42", "calls").reason == "no_subscription"
    with pytest.raises(NotFound):
        stranger.subscriptions.create(customer=victim["customer"], plan="pro")
    stranger.subscriptions.create(customer="user_42", plan="pro")
    assert stranger.usage.total("user_42", "calls") == 0
    assert _picture(engine) == before


def test_the_same_names_live_side_by_side(engine: Engine, victim: Victim) -> None:
    other = engine.tenant("other", app="a")
    other.features.create(Feature("calls", "metered"))
    other.plans.create(Plan("pro", "Pro", "EUR"))
    other.customers.create(name="Joe", external_id="user_42")
    other.usage.record([UsageEvent("calls", "user_42", 7, key="k")])
    engine.tenant("acme", app="a").usage.record([UsageEvent("calls", "user_42", 5, key="k")])
    assert other.usage.total("user_42", "calls") == 7
    assert engine.tenant("acme", app="a").usage.total("user_42", "calls") == 8


def test_names_that_join_alike_stay_apart(engine: Engine) -> None:
    for tenant, app, quantity in (("a:b", "c", 1), ("a", "b:c", 2)):
        door = engine.tenant(tenant, app=app)
        door.features.create(Feature("calls", "metered"))
        door.customers.create(name="J", external_id="j")
        door.meter("j", "calls", quantity)
    assert engine.tenant("a:b", app="c").usage.total("j", "calls") == 1
    assert engine.tenant("a", app="b:c").usage.total("j", "calls") == 2


def _refusal(
    attempt: Callable[[Any, Victim], object], stranger: object, victim: Victim
) -> LedgerError | None:
    try:
        attempt(stranger, victim)
    except LedgerError as refusal:
        return refusal
    return None


def _picture(engine: Engine) -> list[object]:
    acme = engine.tenant("acme", app="a")
    lists: list[Callable[[], Any]] = [
        acme.features.list,
        acme.plans.list,
        acme.customers.list,
        acme.subscriptions.list,
        acme.invoices.list,
        acme.usage.list,
        acme.usage.unmatched,
        acme.usage.rejected,
        acme.events.list,
    ]
    return [*(list(one()) for one in lists), acme.usage.total("user_42", "calls")]
