"""`ledger check`: may this customer do this now?"""

import typer

from ledger import Entitlement
from ledger.cli import options
from ledger.cli.failure import OK, REFUSED
from ledger.cli.invocation import Invocation
from ledger.cli.verb import verb
from ledger.cli.wording import quantity as quantity_text
from ledger.cli.wording import when

group = typer.Typer()


@verb(
    group,
    "check",
    examples=[
        "ledger check kestrel input_tokens",
        "ledger check kestrel images --quantity 500",
        "ledger check kestrel priority_support --json",
    ],
)
def check(
    invocation: Invocation,
    customer: options.CustomerRef,
    feature: options.FeatureRef,
    *,
    quantity: options.Quantity = "1",
) -> int:
    """Whether a customer may use a feature now: exit code 0 for yes, 3 for no."""
    with invocation.tenant() as tenant:
        answer = tenant.entitlements.check(customer, feature, quantity)
    if invocation.out.json:
        invocation.out.data(answer)
    else:
        invocation.out.text(sentence(customer, feature, answer))
        invocation.out.facts(_facts(answer))
    return OK if answer.allowed else REFUSED


def sentence(customer: str, feature: str, answer: Entitlement) -> str:
    """The answer in words: `refused: bluebird may not use requests (limit_exceeded)`."""
    if answer.allowed:
        return f"allowed: {customer} may use {feature}"
    return f"refused: {customer} may not use {feature} ({answer.reason})"


def _facts(answer: Entitlement) -> list[tuple[str, str]]:
    limited = answer.limit is not None
    return [
        ("limit", f"{quantity_text(answer.limit)} ({answer.enforcement})" if limited else "none"),
        ("used", quantity_text(answer.used)),
        ("remaining", quantity_text(answer.remaining)),
        ("resets at", when(answer.resets_at)),
    ]
