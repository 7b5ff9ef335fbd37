"""Output: data on stdout, for a person, a pipe or a program; messages and progress on stderr."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from ledger.types import json

T = TypeVar("T")


class Column(NamedTuple):
    """A column of a table. Numbers and money stand to the right."""

    title: str
    right: bool = False


class Bar(Protocol):
    """A progress bar that can be moved on."""

    def advance(self, by: int = 1, note: str | None = None) -> None:
        """Move on by so much, and say what is being done."""
        ...


class Output:
    """Where a verb puts what it found, and what it wants to say.

    `json` writes data as JSON and says nothing besides; `quiet` says nothing besides.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, color: bool = True) -> None:
        self.json, self.quiet = json, quiet or json
        self.color = color
        self._data = Console(file=sys.stdout, no_color=not color, highlight=False)
        self._words = Console(file=sys.stderr, no_color=not color, highlight=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout as it comes."""
        return self._data.is_terminal

    def data(self, value: object) -> None:
        """Write a value as JSON on a line of its own."""
        sys.stdout.write(json.encode(value).decode() + "\n")

    def text(self, text: str = "", *, style: str = "") -> None:
        """Write text as it is, lines unbroken."""
        for line in text.split("\n"):
            self._data.print(Text(printable(line), style=style), soft_wrap=True)

    def say(self, text: str) -> None:
        """Tell the person something that is not data."""
        if not self.quiet:
            sys.stdout.flush()  # so that they come in order where both go to the same place
            self._words.print(Text(printable(text)), soft_wrap=True)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Write a table: drawn on a terminal, in plain aligned columns otherwise."""
        if self.is_terminal:
            self._data.print(_drawn(columns, rows))
        else:
            sys.stdout.writelines(f"{line}\n" for line in aligned(columns, list(rows)))

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write names and values, one a line."""
        known = [(name, value) for name, value in facts if value]
        width = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            line = Text(f"{name:<{width}}  ", style="dim")
            self._data.print(line.append(printable(value), style="not dim"), soft_wrap=True)

    def listing(
        self,
        items: Iterable[T],
        limit: int,
        columns: Sequence[Column],
        row: Callable[[T], Sequence[str]],
        *,
        empty: str,
    ) -> None:
        """Write the first `limit` items: a JSON list or a table; without any, what to do next."""
        iterator = iter(items)
        shown = list(islice(iterator, limit))
        if self.json:
            self.data(shown)
            return
        if not shown:
            self.say(empty)
            return
        self.table(columns, (row(item) for item in shown))
        if next(iterator, None) is not None:
            self.say(f"The first {limit} are shown, and there are more; --limit shows them.")

    @contextmanager
    def progress(self, what: str, total: int | None, *columns: ProgressColumn) -> Generator[Bar]:
        """A bar on stderr while something takes its time; nothing where nobody watches."""
        shown = self._words.is_terminal and not self.quiet
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            *columns,
            TimeElapsedColumn(),
            console=self._words,
            transient=True,
            disable=not shown,
        )
        with bar:
            yield _Bar(bar, what, total)


class _Bar:
    def __init__(self, progress: Progress, what: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    def advance(self, by: int = 1, note: str | None = None) -> None:
        if note is None:
            self._progress.update(self._task, advance=by)
        else:
            self._progress.update(self._task, advance=by, description=note)


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in plain text: two spaces between columns, numbers to the right."""
    table = [[column.title for column in columns], *(list(map(printable, row)) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    for row in table:
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _drawn(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        # The first names the thing, so it stays in one piece on a narrow screen.
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=index == 0,
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def printable(text: str) -> str:
    """Text that cannot move the cursor or begin a line: a name may hold anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)
