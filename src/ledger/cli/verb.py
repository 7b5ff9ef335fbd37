"""A verb: a function of a invocation, made into a command that takes the global options too."""

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from rich.markup import escape

from ledger import __version__
from ledger.cli.config import Given
from ledger.cli.failure import ReaderLeft
from ledger.cli.invocation import Invocation

P = ParamSpec("P")
Function = Callable[Concatenate[Invocation, P], int | None]
_PANEL = "Global options (before or after the verb)"


Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The database: a URL, or the path of a SQLite file.",
        rich_help_panel=_PANEL,
    ),
]
TenantId = Annotated[
    str | None, typer.Option(metavar="ID", help="Whose billing.", rich_help_panel=_PANEL)
]
AppId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Which of the tenant's apps.", rich_help_panel=_PANEL),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Settings, instead of ledger.toml.", rich_help_panel=_PANEL),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        "--as-of",
        metavar="INSTANT",
        help="Act as if it were this instant, or midnight UTC of this date.",
        rich_help_panel=_PANEL,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Data, and errors, as JSON and nothing else.", rich_help_panel=_PANEL
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No messages, no progress.", rich_help_panel=_PANEL)
]
NoColor = Annotated[
    bool,
    typer.Option(
        "--no-color", help="No colors; the variable NO_COLOR says so too.", rich_help_panel=_PANEL
    ),
]


def everywhere(
    db: Database = None,
    tenant: TenantId = None,
    app: AppId = None,
    config: Config = None,
    at: At = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> Given:
    """The options that every verb takes, and `ledger` itself before the verb."""
    return Given(
        database=db,
        tenant=tenant,
        app=app,
        config=config,
        at=at,
        json=as_json,
        quiet=quiet,
        no_color=no_color,
    )


SHARED = tuple(inspect.signature(everywhere).parameters.values())


def verb(
    group: typer.Typer, name: str, *, examples: Sequence[str]
) -> Callable[[Function[P]], Function[P]]:
    """Make a function of a invocation a command of `group`, with examples in its help.

    The function says what it takes as typer wants it, after the invocation, and may return an exit
    code. It stays what it was, so that it can be called as well.
    """

    def register(function: Function[P]) -> Function[P]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def command(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 - as typer read them
            said = {parameter.name: values.pop(parameter.name) for parameter in SHARED}
            invocation = Invocation(everywhere(**said).over(before(ctx)))
            try:
                code = function(invocation, **values)  # type: ignore[call-arg]  # typer made them from `own`  # pyright: ignore[reportCallIssue]
            except BrokenPipeError as gone:
                raise ReaderLeft from gone
            if code:
                raise typer.Exit(code)

        command.__doc__ = _flowing(inspect.getdoc(function) or "")
        _sign(command, [*own, *SHARED])
        group.command(name, epilog=_shown(examples), no_args_is_help=False)(command)
        return function

    return register


def start(app: typer.Typer) -> None:
    """Let an application take the global options, and `--version`, before the verb."""

    def begin(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 - as typer read them
        values.pop("version")
        ctx.obj = everywhere(**values)

    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[
            bool,
            typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which."),
        ],
        default=False,
    )
    _sign(begin, [version, *SHARED])
    app.callback()(begin)


def _tell_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ledger {__version__}\n")
        raise typer.Exit


def before(ctx: typer.Context) -> Given:
    """What was said before the verb."""
    said = ctx.find_root().obj
    return said if isinstance(said, Given) else Given()


def _sign(command: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Tell typer what the command takes: a signature is where it looks."""
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    signature = inspect.Signature([context, *keywords])
    command.__signature__ = signature  # type: ignore[attr-defined]  # a function has one when it is set
    command.__annotations__ = {
        name: parameter.annotation for name, parameter in signature.parameters.items()
    }


def _flowing(text: str) -> str:
    """Paragraphs without line breaks of their own: the terminal knows how wide it is."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _shown(examples: Sequence[str]) -> str:
    """The examples for the end of the help, one a line."""
    return escape("\n".join(["Examples:", *(f"  $ {example}" for example in examples)]))
