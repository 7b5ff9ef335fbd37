"""`ledger features`: what plans can include."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ledger import Feature
from ledger.cli import config, options
from ledger.cli.feature_create import metered, register
from ledger.cli.invocation import Invocation
from ledger.cli.output import Column
from ledger.cli.verb import verb
from ledger.cli.wording import count, when

group = typer.Typer(help="What plans can include: switches, seats, metered usage.")

_COLUMNS = (
    Column("KEY"), Column("KIND"), Column("UNIT"), Column("STATUS"), Column("METER"),
)  # fmt: skip  # a list of names reads best as one

_SHOWN = 60
"""How much of an expression a row shows; --json has all of it."""


@verb(group, "list", examples=["ledger features list", "ledger features list --json"])
def list_features(invocation: Invocation, *, limit: options.Limit = 50) -> None:
    """The features, with what the metered ones count."""
    with invocation.tenant() as tenant:
        invocation.out.listing(
            tenant.features.list(),
            limit,
            _COLUMNS,
            _row,
            empty="There are no features yet. They are made with ledger features create, or with"
            " tenant.features.create(Feature(…)) in Python; ledger demo shows some.",
        )


@verb(
    group,
    "backfill",
    examples=[
        "ledger features backfill requests --force",
        "ledger features backfill requests --start 2026-01-01 --force --json",
    ],
)
def backfill(
    invocation: Invocation,
    feature: options.FeatureRef,
    *,
    start: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="From then on; from the first event without."),
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="INSTANT", help="To before then.")] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also where a plan prices it: the next invoice bills what it adds."
        ),
    ] = False,
) -> None:
    """Count a metered feature anew from the stored events, as its meter is now.

    For a feature that is new or whose meter was changed. It goes by the hour, while events come in;
    interrupted, it is finished by saying it again.
    """
    since = config.instant(start, "start") if start else None
    until = config.instant(end, "end") if end else None
    with invocation.tenant() as tenant, invocation.out.progress("Counting anew", None) as bar:
        before = 0

        def move(done: int, whole: int) -> None:
            nonlocal before
            bar.advance(done - before, f"Counting anew, hour {done:,} of {whole:,}")
            before = done

        found = tenant.features.backfill(feature, since, until, move, force=force)
    if invocation.out.json:
        invocation.out.data(found)
    else:
        invocation.out.text(
            f"{found.feature}: {count(found.events, 'event')} counted anew,"
            f" {when(found.start)} to {when(found.end)}"
        )


def _row(feature: Feature) -> Sequence[str]:
    return feature.key, feature.kind, feature.unit, feature.status, metered(feature, width=_SHOWN)


register(group)
