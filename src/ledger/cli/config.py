"""Settings: arguments, then the `LEDGER_*` environment, then `ledger.toml`, then defaults."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from urllib.parse import unquote

from ledger.opening import without_password
from ledger.types.errors import Invalid
from ledger.types.zone import midnight, parse_instant

FILE = "ledger.toml"
DEFAULTS = {"database": "sqlite:///ledger.db", "tenant": "default", "app": "default"}
ENVIRONMENT = {
    "database": ("LEDGER_DATABASE_URL", "DATABASE_URL"),
    "tenant": ("LEDGER_TENANT",),
    "app": ("LEDGER_APP",),
    "at": ("LEDGER_AT",),
}
_SQLITE = "sqlite:///"
_FILE_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the command line, before or after the verb; None and False: nothing."""

    database: str | None = None
    tenant: str | None = None
    app: str | None = None
    config: Path | None = None
    at: str | None = None
    json: bool = False
    quiet: bool = False
    no_color: bool = False

    def over(self, earlier: "Given") -> "Given":
        """This, with what was said earlier where this says nothing."""
        names = [field.name for field in fields(self)]
        return Given(**{name: getattr(self, name) or getattr(earlier, name) for name in names})


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds: where the data is, whose it is, and which instant is now (None: the clock's).

    `file` is the configuration that was read, if any.
    """

    database: str
    tenant: str
    app: str
    at: datetime | None = None
    file: Path | None = None

    @property
    def shown(self) -> str:
        """The database's URL as it may be shown and kept: without a password."""
        return without_password(self.database)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database; None for one in memory or on a server."""
        return sqlite_path(self.database)


def resolve(given: Given, environment: Mapping[str, str], file: Path | None) -> Settings:
    """The settings that hold, with or without a configuration file.

    Raises Invalid for a file that cannot be read or says something unknown, and for an instant
    that is none.
    """
    said = _read(file) if file else {}

    def setting(name: str, argument: str | None) -> str | None:
        variables = (environment.get(variable) for variable in ENVIRONMENT[name])
        return argument or next(filter(None, variables), None) or said.get(name)

    at = setting("at", given.at)
    return Settings(
        database=database_url(setting("database", given.database) or DEFAULTS["database"]),
        tenant=setting("tenant", given.tenant) or DEFAULTS["tenant"],
        app=setting("app", given.app) or DEFAULTS["app"],
        at=instant(at, "at") if at else None,
        file=file,
    )


def database_url(text: str) -> str:
    """A URL as it is; anything else is the path of a SQLite file."""
    return text if "://" in text else f"{_SQLITE}{text}"


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL: a relative path after three slashes, an absolute one after four."""
    name = unquote(url.removeprefix(_SQLITE).partition("?")[0])
    if not url.startswith(_SQLITE) or name in {"", ":memory:"}:
        return None
    return Path(name)


def instant(text: str, param: str) -> datetime:
    """An instant as people give it: ISO 8601 with an offset, or a date for its midnight in UTC."""
    try:
        return midnight(date.fromisoformat(text), "UTC")
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except Invalid as error:
        raise Invalid(
            f"{error.message}, nor a date such as 2026-01-31", code=error.code, param=param
        ) from None


def config_file(given: Given, environment: Mapping[str, str], folder: Path) -> Path | None:
    """The configuration for a command run in `folder`: the one that is named, or ledger.toml.

    Raises Invalid (`config_not_found`) when the one that is named is not there.
    """
    named = given.config or (Path(text) if (text := environment.get("LEDGER_CONFIG")) else None)
    if named is None:
        usual = folder / FILE
        return usual if usual.is_file() else None
    if not named.is_file():
        raise Invalid(f"there is no file {str(named)!r}", code="config_not_found", param="config")
    return named


def _read(file: Path) -> dict[str, str]:
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise _bad_file(file, f"is larger than {_FILE_BYTES_MAX:,} bytes")
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad_file(file, f"cannot be read: {error}") from None
    for name, value in table.items():
        if name not in DEFAULTS:
            close = difflib.get_close_matches(name, DEFAULTS, n=1)
            hint = f"; is {close[0]!r} meant?" if close else ""
            raise _bad_file(file, f"says {name!r}, which is not one of {', '.join(DEFAULTS)}{hint}")
        if not isinstance(value, str) or not value:
            raise _bad_file(file, f"gives {name!r} the value {value!r}; it is text")
    if "database" in table:
        table["database"] = beside(file, database_url(table["database"]))
    return table


def beside(file: Path, url: str) -> str:
    """A database whose relative path is meant from where a file is."""
    path = sqlite_path(url)
    if path is None or path.is_absolute() or file.parent == Path():
        return url
    return url.replace(_SQLITE, f"{_SQLITE}{file.parent.as_posix()}/", 1)


def _bad_file(file: Path, what: str) -> Invalid:
    return Invalid(f"the configuration {file} {what}", code="bad_config", param="config")
