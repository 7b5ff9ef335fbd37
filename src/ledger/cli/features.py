"""`ledger features`: what plans can include."""

from collections.abc import Sequence

import typer

from ledger import Feature
from ledger.cli import options
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.verb import verb

group = typer.Typer(help="What plans can include: switches, seats, metered usage.")

_COLUMNS = (
    Column("KEY"), Column("KIND"), Column("UNIT"), Column("STATUS"), Column("METER"),
)  # fmt: skip  # a list of names reads best as one


@verb(group, "list", examples=["ledger features list", "ledger features list --json"])
def list_features(invocation: Invocation, *, limit: options.Limit = 50) -> None:
    """The features, with what the metered ones count."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.features.list(),
            limit,
            _COLUMNS,
            _row,
            empty="There are no features yet. They are made with"
            " tenant.features.create(Feature(…)) in Python; ledger demo shows some.",
        )


def _row(feature: Feature) -> Sequence[str]:
    return feature.key, feature.kind, feature.unit, feature.status, _metered(feature)


def _metered(feature: Feature) -> str:
    """`sum of input_tokens of llm.request where model=large`."""
    meter = feature.meter
    if meter is None:
        return ""
    of = f" of {meter.property}" if meter.property else ""
    filters = ", ".join(f"{name}={value}" for name, value in sorted(meter.where.items()))
    where = f" where {filters}" if filters else ""
    return f"{meter.aggregation}{of} of {meter.event}{where}"
