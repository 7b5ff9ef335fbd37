"""`ledger plans`: what is sold."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ledger import Feature, Limit, Plan, Price
from ledger.cli import options
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column, Output
from ledger.cli.verb import verb
from ledger.cli.wording import price_lines, quantity, when

group = typer.Typer(help="What is sold: plans with their prices and limits.")

_COLUMNS = (
    Column("KEY"),
    Column("NAME"),
    Column("VERSION", right=True),
    Column("STATUS"),
    Column("BILLED EVERY"),
    Column("CURRENCY"),
    Column("PRICES", right=True),
)


@verb(group, "list", examples=["ledger plans list", "ledger plans list --json"])
def list_plans(invocation: Invocation, *, limit: options.Limit = 50) -> None:
    """The plans, each in the version that is on sale."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.plans.list(),
            limit,
            _COLUMNS,
            _row,
            empty="There are no plans yet. They are made with tenant.plans.create(Plan(…)) in"
            " Python; ledger demo shows some.",
        )


@verb(group, "show", examples=["ledger plans show pro", "ledger plans show pro --version 1 --json"])
def show_plan(
    invocation: Invocation,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan by key or id.")],
    *,
    version: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="This version, not the one on sale."),
    ] = None,
) -> None:
    """One plan: what it charges, and what it allows."""
    with invocation.tenant() as tenant:
        found = tenant.plans.get(plan, version)
        if invocation.out.json:
            invocation.out.data(found)
            return
        features = {feature.key: feature for feature in tenant.features.list()}
    _show(invocation.out, found, features)


def _row(plan: Plan) -> Sequence[str]:
    return (
        plan.key,
        plan.name,
        str(plan.version),
        plan.status,
        str(plan.interval),
        plan.currency,
        str(len(plan.prices)),
    )


def _show(out: Output, plan: Plan, features: dict[str, Feature]) -> None:
    out.facts(
        [
            ("plan", f"{plan.name} ({plan.key})"),
            ("id", plan.id),
            ("version", f"{plan.version}, {plan.status}"),
            ("billed", f"every {plan.interval} in {plan.currency}"),
            ("trial", f"{plan.trial_days} days" if plan.trial_days else ""),
            ("created", when(plan.created_at)),
            ("about", plan.description),
        ]
    )
    out.text()
    out.text("Prices", style="bold")
    for price in plan.prices:
        for line in _priced(plan, price, features):
            out.text(line)
    out.text()
    out.text("Entitlements", style="bold")
    for key in sorted(plan.entitlements):
        out.text(f"  {key}: {_allowed(plan.entitlements[key])}")


def _priced(plan: Plan, price: Price, features: dict[str, Feature]) -> list[str]:
    feature = features.get(price.feature) if price.feature else None
    name = price.name or (price.feature or plan.name)
    first, *more = price_lines(plan, price, feature.unit if feature else "unit")
    included = f", {quantity(price.included)} included" if price.included else ""
    moment = (price.billing or "").replace("_", " ")
    return [f"  {name}: {first}{included}, {moment}", *(f"  {line}" for line in more)]


def _allowed(included: Limit | bool) -> str:
    match included:
        case True:
            return "included"
        case False:
            return "not included"
        case _:
            per = included.per.replace("_", " ")
            return f"{quantity(included.value)} per {per}, {included.enforcement} limit"
