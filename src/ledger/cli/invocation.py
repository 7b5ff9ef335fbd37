"""A invocation: what a verb works with. The settings that hold, a way out, the door to the data."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.config import Given, Settings, config_file, resolve
from ledger.cli.output import Output
from ledger.types.clock import Clock, SystemClock
from ledger.types.errors import Unavailable

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant


class Invocation:
    """One run of one verb."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.out = Output(
            json=given.json,
            quiet=given.quiet,
            color=not given.no_color and not os.environ.get("NO_COLOR"),
        )

    @cached_property
    def settings(self) -> Settings:
        """The settings that hold; see `config.resolve`."""
        return resolve(self.given, os.environ, config_file(self.given, os.environ, Path()))

    @cached_property
    def clock(self) -> Clock:
        """What time it is for this command: the instant given with `--at`, or the machine's."""
        at = self.settings.at
        if at is None:
            return SystemClock()
        from ledger.testing.clock import MovableClock

        return MovableClock(at)

    @property
    def now(self) -> datetime:
        """The present instant of this command."""
        return self.clock.now()

    @contextmanager
    def tenant(self) -> Generator["Tenant[Blocking]"]:
        """The tenant's data in the database that there is."""
        import ledger
        from ledger import MeterConfig, opening

        settings = self.settings
        if settings.path is not None:
            refuse_missing(settings.path)
        # Journals that are left over are stored; a folder for new ones is not made for one verb.
        journals = opening.spool_folder(settings.database)
        has_journals = journals is not None and journals.is_dir()
        config = MeterConfig() if has_journals else MeterConfig(spool=False)
        with ledger.open(settings.database, clock=self.clock, meter=config) as engine:
            yield engine.tenant(settings.tenant, settings.app)


def refuse_missing(path: Path) -> None:
    """A verb that reads does not make an empty database out of a slip of the pen."""
    if path.is_dir():
        raise Unavailable(
            f"{str(path)!r} is a directory, not a database", code="database_unreachable"
        )
    if not path.exists():
        raise Unavailable(
            f"there is no database {str(path)!r}; ledger init makes one, and ledger demo one to"
            " play with",
            code="database_missing",
        )
