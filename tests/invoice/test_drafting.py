"""What an invoice is made of: the lines at a boundary, from facts alone."""

from decimal import Decimal

import pytest

from ledger import USD
from ledger.invoice.drafting import Billed, ChainKey
from ledger.plan.price import Billing, Price, Tier
from ledger.rating.derivation import Proration
from ledger.types.errors import Broken
from ledger.types.period import Period
from tests.invoice.making import at, lines_at, plan_of, subscribed, told

FEE = Price.flat(USD(4900))
CALLS = Price.graduated("api_calls", [Tier(up_to=10_000, unit=0), Tier(unit="0.05")])
PRO = plan_of(FEE, CALLS)


def test_a_fee_in_advance_is_for_the_period_that_starts() -> None:
    (line,) = lines_at(PRO, subscribed(PRO, "2026-01-01"), "2026-01-01")
    assert line.description == "Pro — Jan 1 to Jan 31, 2026"
    assert (line.kind, line.quantity, line.amount) == ("recurring", Decimal(1), USD(4900))
    assert line.service_period == Period(at("2026-01-01"), at("2026-02-01"))
    assert line.derivation.proration is None


def test_usage_is_for_the_period_that_ended() -> None:
    fee, usage = lines_at(PRO, subscribed(PRO, "2026-01-01"), "2026-02-01", 12_345)
    assert fee.description == "Pro — Feb 1 to Feb 28, 2026"
    assert usage.description == "API calls: 12,345 calls — Jan 1 to Jan 31, 2026"
    assert (usage.kind, usage.quantity, usage.amount) == ("usage", Decimal(12_345), USD(117))
    assert (usage.derivation.exact, usage.derivation.rounded) == ("117.25", 117)
    assert usage.derivation.usage_as_of == at("2026-02-01")


@pytest.mark.parametrize(("used", "kinds"), [(0, ["recurring"]), (1, ["recurring", "usage"])])
def test_what_was_not_used_has_no_line_but_what_was_free_has(used: int, kinds: list[str]) -> None:
    lines = lines_at(PRO, subscribed(PRO, "2026-01-01"), "2026-02-01", used)
    assert [line.kind for line in lines] == kinds


def test_a_first_tier_can_be_due_without_usage() -> None:
    tiers = [Tier(up_to=10, unit=0, flat=500), Tier(unit=1)]
    plan = plan_of(Price.graduated("api_calls", tiers, flat_at_zero=True))
    (line,) = lines_at(plan, subscribed(plan, "2026-01-01"), "2026-02-01", 0)
    assert (line.quantity, line.amount) == (Decimal(0), USD(500))


def test_a_price_of_nothing_is_a_line_too() -> None:
    plan = plan_of(Price.flat(USD(0)))
    (line,) = lines_at(plan, subscribed(plan, "2026-01-01"), "2026-01-01")
    assert line.amount.is_zero


@pytest.mark.parametrize(
    ("billing", "boundary", "expected"),
    [
        ("in_advance", "2026-01-10", [("2026-01-10", "2026-02-01", 3477)]),  # 22 of 31 days
        ("in_advance", "2026-02-01", [("2026-02-01", "2026-03-01", 4900)]),
        ("in_advance", "2026-04-01", [("2026-04-01", "2026-04-16", 2450)]),  # 15 of 30 days
        ("in_advance", "2026-04-16", []),
        ("in_arrears", "2026-01-10", []),
        ("in_arrears", "2026-02-01", [("2026-01-10", "2026-02-01", 3477)]),
        ("in_arrears", "2026-03-01", [("2026-02-01", "2026-03-01", 4900)]),
        ("in_arrears", "2026-04-01", [("2026-03-01", "2026-04-01", 4900)]),
        ("in_arrears", "2026-04-16", [("2026-04-01", "2026-04-16", 2450)]),
        ("in_arrears", "2026-05-01", []),
        ("in_advance", "2026-02-10", []),
    ],
)
def test_stubs_at_both_ends_are_prorated(
    billing: Billing, boundary: str, expected: list[tuple[str, str, int]]
) -> None:
    plan = plan_of(Price.flat(USD(4900), billing))
    subscription = subscribed(plan, "2026-01-10", anchor=1, end="2026-04-16")
    assert told(lines_at(plan, subscription, boundary)) == expected


def test_a_stub_says_which_part_of_what_it_is() -> None:
    plan = plan_of(FEE)
    subscription = subscribed(plan, "2026-01-10", anchor=1)
    (line,) = lines_at(plan, subscription, "2026-01-10")
    january = Period(at("2026-01-01"), at("2026-02-01"))
    assert line.derivation.proration == Proration(22, 31, january)
    assert line.description == "Pro — Jan 10 to Jan 31, 2026"


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("2026-01-31", ("2026-01-31", "2026-02-28")),
        ("2026-02-28", ("2026-02-28", "2026-03-31")),
        ("2026-03-31", ("2026-03-31", "2026-04-30")),
    ],
)
def test_a_month_from_its_last_day_is_a_whole_month(
    boundary: str, expected: tuple[str, str]
) -> None:
    plan = plan_of(FEE)
    lines = lines_at(plan, subscribed(plan, "2026-01-31"), boundary)
    assert told(lines) == [(*expected, 4900)]


def test_usage_in_a_stub_is_rated_whole() -> None:
    plan = plan_of(CALLS)
    subscription = subscribed(plan, "2026-01-30", anchor=1)
    (line,) = lines_at(plan, subscription, "2026-02-01", 10_100)
    assert (line.amount, line.derivation.proration) == (USD(5), None)


def test_a_yearly_plan_with_monthly_usage() -> None:
    plan = plan_of(
        Price.flat(USD(99900)), Price.per_unit("api_calls", 2, interval="month"), interval="year"
    )
    subscription = subscribed(plan, "2026-01-31", end="2027-03-31")
    assert told(lines_at(plan, subscription, "2026-01-31")) == [("2026-01-31", "2027-01-31", 99900)]
    assert told(lines_at(plan, subscription, "2026-02-28", 7)) == [("2026-01-31", "2026-02-28", 14)]
    assert told(lines_at(plan, subscription, "2027-01-31", 7)) == [
        ("2027-01-31", "2027-03-31", 16148),  # 59 of 365 days
        ("2026-12-31", "2027-01-31", 14),
    ]
    assert told(lines_at(plan, subscription, "2027-03-31", 7)) == [("2027-02-28", "2027-03-31", 14)]


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        (Price.per_unit("seats", 1000), 5000),
        (Price.graduated("seats", [Tier(up_to=2, unit=1000), Tier(unit=500)]), 3500),
        (Price.volume("seats", [Tier(up_to=4, unit=1000), Tier(unit=800, flat=100)]), 4100),
        (Price.stairstep("seats", [Tier(up_to=4, flat=2900), Tier(flat=4900)]), 4900),
        (Price.package("seats", 1500, 2), 4500),
        (Price.per_unit("seats", 1000, included=3), 2000),
    ],
)
def test_licensed_quantities_are_billed_in_advance_and_prorated(price: Price, amount: int) -> None:
    plan = plan_of(price)
    subscription = subscribed(plan, "2026-01-17", anchor=1, quantities={"seats": 5})
    (stub,) = lines_at(plan, subscription, "2026-01-17")
    (whole,) = lines_at(plan, subscription, "2026-02-01")
    assert (stub.quantity, stub.amount) == (Decimal(5), USD((amount * 15 * 2 + 31) // 62))
    assert whole.amount == USD(amount)
    assert whole.description == "Seats: 5 seats — Feb 1 to Feb 28, 2026"


def test_licensed_quantities_can_be_billed_in_arrears() -> None:
    plan = plan_of(Price.per_unit("seats", 1000, billing="in_arrears"))
    subscription = subscribed(plan, "2026-01-01", quantities={"seats": 5})
    assert lines_at(plan, subscription, "2026-01-01") == ()
    assert told(lines_at(plan, subscription, "2026-02-01")) == [("2026-01-01", "2026-02-01", 5000)]


def test_no_seats_no_line() -> None:
    plan = plan_of(Price.per_unit("seats", 1000))
    assert lines_at(plan, subscribed(plan, "2026-01-01"), "2026-01-01") == ()


def test_a_flat_price_on_a_metered_feature_reads_no_usage() -> None:
    plan = plan_of(Price.flat(USD(900), feature="api_calls"))
    (line,) = lines_at(plan, subscribed(plan, "2026-01-01"), "2026-01-01", 5)
    assert (line.description, line.quantity, line.amount) == (
        "API calls — Jan 1 to Jan 31, 2026",
        Decimal(1),
        USD(900),
    )


def test_what_ended_on_the_day_it_began_costs_nothing() -> None:
    plan = plan_of(FEE)
    subscription = subscribed(plan, "2026-01-01T09:00", end="2026-01-01T17:00")
    assert lines_at(plan, subscription, "2026-01-01T09:00") == ()


def test_the_day_of_the_end_is_not_paid_for_but_its_usage_is() -> None:
    plan = plan_of(Price.flat(USD(3100), "in_arrears"), Price.per_unit("api_calls", 1))
    subscription = subscribed(plan, "2026-01-01", end="2026-01-11T17:00")
    fee, usage = lines_at(plan, subscription, "2026-01-11T17:00", 7)
    assert (fee.description, fee.amount) == ("Pro — Jan 1 to Jan 10, 2026", USD(1000))
    assert usage.description == "API calls: 7 calls — Jan 1 to Jan 11, 2026"


def test_local_days_count() -> None:
    plan, zone = plan_of(FEE), "America/New_York"
    subscription = subscribed(plan, "2026-03-05", anchor=1, zone=zone)
    (line,) = lines_at(plan, subscription, "2026-03-05")
    assert line.description == "Pro — Mar 5 to Mar 31, 2026"
    assert line.amount == USD(4268)  # 27 of 31 days, one of them an hour short


@pytest.mark.parametrize(
    ("january", "billed", "late"),
    [(12_345, 117, None), (12_400, 117, 3), (12_300, 117, None), (20_000, 117, 383), (0, 0, None)],
)
def test_late_usage_is_the_difference_that_was_not_billed(
    january: int, billed: int, late: int | None
) -> None:
    chain = {(CALLS.id, at("2026-01-01")): Billed(1, Decimal(12_345), billed)}
    lines = lines_at(
        PRO,
        subscribed(PRO, "2026-01-01"),
        "2026-03-01",
        {"2026-01-01": january},
        closed=("2026-01-01", "2026-02-01"),
        billed={**chain, **_fees("2026-01-01", "2026-02-01")},
    )
    assert [line.amount.amount for line in lines] == ([4900] if late is None else [4900, late])


def test_late_usage_is_dated_to_its_own_period() -> None:
    chain = {(CALLS.id, at("2026-01-01")): Billed(1, Decimal(12_345), 117)}
    *_, late = lines_at(
        PRO,
        subscribed(PRO, "2026-01-01"),
        "2026-03-01",
        {"2026-01-01": 12_400},
        closed=("2026-02-01",),
        billed={**chain, **_fees("2026-02-01")},
    )
    assert late.description == "API calls, reported late: 55 calls — Jan 1 to Jan 31, 2026"
    assert (late.kind, late.quantity) == ("late_usage", Decimal(55))
    assert late.service_period == Period(at("2026-01-01"), at("2026-02-01"))
    derivation = late.derivation
    assert derivation.quantity == Decimal(12_400)
    assert (derivation.rounded, derivation.billed_before) == (120, 117)


def test_usage_that_is_too_late_is_not_billed() -> None:
    lines = lines_at(
        PRO,
        subscribed(PRO, "2026-01-01"),
        "2026-06-01",
        {"2026-01-01": 20_000, "2026-02-01": 20_000},
        closed=("2026-02-01", "2026-03-01"),
        billed=_fees("2026-02-01", "2026-03-01"),
    )
    assert [str(line.service_period.start_date) for line in lines] == ["2026-06-01", "2026-02-01"]


def test_a_period_whose_invoice_is_not_final_waits() -> None:
    lines = lines_at(PRO, subscribed(PRO, "2026-01-01"), "2026-03-01", {"2026-01-01": 20_000})
    assert [line.kind for line in lines] == ["recurring"]


def test_a_fee_that_was_cut_short_by_a_cancellation_since_undone_is_made_whole() -> None:
    half = {(FEE.id, at("2026-02-01")): Billed(1, Decimal(1), 2450)}
    plan = plan_of(FEE)
    _, rest = lines_at(
        plan, subscribed(plan, "2026-02-01"), "2026-03-01", closed=("2026-02-01",), billed=half
    )
    assert (rest.kind, rest.amount) == ("recurring", USD(2450))
    assert rest.description == "Pro — Feb 1 to Feb 28, 2026 (the rest)"


def test_a_total_is_never_below_zero() -> None:
    mirrored = Price.per_unit("api_calls", 100, negative="mirror")
    plan = plan_of(Price.flat(USD(4900)), mirrored)
    subscription = subscribed(plan, "2026-01-01")
    covered = lines_at(plan, subscription, "2026-02-01", -10)
    assert [line.amount.amount for line in covered] == [4900, -1000]
    beyond = lines_at(plan, subscription, "2026-02-01", -50)
    assert [line.amount.amount for line in beyond] == [4900]


def test_a_price_can_have_a_name_of_its_own() -> None:
    plan = plan_of(Price.flat(USD(900), name="Support"))
    (line,) = lines_at(plan, subscribed(plan, "2026-12-15"), "2026-12-15")
    assert line.description == "Support — Dec 15, 2026 to Jan 14, 2027"


def test_a_price_of_a_feature_that_is_gone_is_a_defect() -> None:
    plan = plan_of(Price.per_unit("ghosts", 1))
    with pytest.raises(Broken, match="ghosts"):
        lines_at(plan, subscribed(plan, "2026-01-01"), "2026-02-01")


def _fees(*starts: str) -> dict[ChainKey, Billed]:
    return {(FEE.id, at(start)): Billed(1, Decimal(1), 4900) for start in starts}
