"""Importing: rows in, batches of usage events out, and an account of what became of each row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from ledger import EventResult, LedgerError, UsageEvent
from ledger.cli.usage_import.keys import Occurrences, digest_of, key_of
from ledger.cli.usage_import.mapping import RowMapping
from ledger.cli.usage_import.rows import BadRow, Row, Values

Record = Callable[[Sequence[UsageEvent]], Sequence[EventResult]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not stored: where, why, and what it held."""

    line: int
    outcome: str
    reason: str
    values: Values | None = None


@dataclass(slots=True)
class Account:
    """How many rows there were, and what became of them."""

    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    unmatched: int = 0
    line: int = 0

    @property
    def refused(self) -> int:
        """How many rows were not stored and were not there before."""
        return self.conflict + self.rejected


@dataclass(slots=True)
class Import:
    """Takes rows in and hands them on in batches.

    `record` stores a batch, `refuse` hears of every row that was not stored, `stored` of every
    batch that was. In a table every row has the columns of the header.
    """

    mapping: RowMapping
    record: Record
    refuse: Callable[[Refusal], None]
    stored: Callable[[Account], None]
    batch_size: int
    is_table: bool
    account: Account = field(default_factory=Account)
    _batch: list[tuple[Row, UsageEvent]] = field(default_factory=list[tuple[Row, UsageEvent]])

    def run(self, rows: Iterable[Row | BadRow]) -> Account:
        """Import all rows. An error leaves the batches before it stored."""
        with Occurrences() as occurrences:
            for row in rows:
                self._take(row, occurrences)
                if len(self._batch) >= self.batch_size:
                    self._store()
            self._store()
        return self.account

    def _take(self, row: Row | BadRow, occurrences: Occurrences) -> None:
        self.account.rows += 1
        if isinstance(row, BadRow):
            self._refuse(Refusal(row.line, "rejected", row.reason))
            return
        if self.is_table and self.account.rows == 1:
            self.mapping.check(list(row.values))  # a slip is said once, not for every row
        try:
            event = self.mapping.event_of(row.values)
            if event.key is None:
                digest = digest_of(event)
                event = replace(event, key=key_of(digest, occurrences.of(digest)))
        except LedgerError as error:
            self._refuse(Refusal(row.line, "rejected", error.message, row.values))
            return
        except UnicodeEncodeError:  # JSON can say half a character: "\\ud800"
            self._refuse(Refusal(row.line, "rejected", "it is not valid text", row.values))
            return
        self._batch.append((row, event))

    def _store(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            results = self.record([event for _, event in batch])
            for (row, _), result in zip(batch, results, strict=True):
                self._note(row, result)
            self.account.line = batch[-1][0].line
        self.stored(self.account)

    def _note(self, row: Row, result: EventResult) -> None:
        match result.outcome:
            case "accepted":
                self.account.accepted += 1
                self.account.unmatched += result.unmatched is not None
            case "duplicate":
                self.account.duplicate += 1
            case "conflict" | "rejected":
                reason = result.reason or "its key was stored before with other content"
                self._refuse(Refusal(row.line, result.outcome, reason, row.values))

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.outcome == "conflict":
            self.account.conflict += 1
        else:
            self.account.rejected += 1
        self.refuse(refusal)
