"""What metering needs of a store."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ledger.customer.ports import CustomerWork
from ledger.meter.model import (
    Claim,
    LevelHour,
    Membership,
    Merging,
    Outcome,
    Quarter,
    RejectedEvent,
    Rollup,
    RollupKey,
    ServiceTimes,
    StoredEvent,
    Unmatched,
    UsageState,
)
from ledger.plan.ports import PlanWork
from ledger.types.ids import CustomerId, FeatureId, UsageEventId
from ledger.types.page import Page


class UsageRepository(Protocol):
    """Usage events, their keys, their rollups, and the lists of what did not match or fit."""

    def claim(self, keys: Mapping[bytes, Claim]) -> dict[bytes, Claim]:
        """Store the keys (16-byte digest → what it stands for) that are new.

        Returns what is stored for those that were there before, in one atomic step.
        """
        ...

    def reclaim(self, keys: Mapping[bytes, Claim]) -> None:
        """Let keys that were claimed stand for something else; NotFound `usage_key_not_found`."""
        ...

    def find(self, keys: Mapping[bytes, str]) -> dict[str, StoredEvent]:
        """The events that have these keys (digest → the key itself), by key, as far as there are.

        Of several events with one key the one that was stored last, whether voided or not.
        """
        ...

    def void(self, events: Sequence[StoredEvent]) -> None:
        """Store when and why these events were voided; they wait for nothing any more.

        NotFound `usage_event_not_found` for one that is not stored as it is given here.
        """
        ...

    def add(self, events: Sequence[StoredEvent]) -> None:
        """Store events whose keys were claimed in this transaction."""
        ...

    def add_up(self, aggregation: Merging, rollups: Sequence[Rollup]) -> None:
        """Merge rollups into the stored ones: sums add, the greatest stays, the last wins.

        At the same instant the rollup that is added later is the last.
        """
        ...

    def rollups(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first_hour: int,
        last_hour: int,
    ) -> list[Rollup]:
        """The stored hours from `first_hour` to before `last_hour`, in order of time."""
        ...

    def totals(
        self,
        aggregation: Merging,
        customer: CustomerId,
        feature: FeatureId,
        first_hour: int,
        last_hour: int,
    ) -> list[tuple[RollupKey, Quarter]]:
        """What the hours from `first_hour` to before `last_hour` come to, in one step.

        One for each subscription and dimensions, as if their quarters were merged one after
        another in order of time; the hour of the key is `first_hour`.
        """
        ...

    def rollup_before(self, customer: CustomerId, feature: FeatureId, hour: int) -> list[Rollup]:
        """For each subscription and dimensions the newest hour before `hour` that has a value."""
        ...

    def add_members(self, members: Sequence[Membership]) -> None:
        """Note which values occurred when; what was noted before stays."""
        ...

    def members(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> Iterator[Membership]:
        """Which values occurred in the hours from `first_hour` to before `last_hour`."""
        ...

    def distinct(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
    ) -> int:
        """How many different values occurred from quarter `first` to before quarter `last`.

        Quarters of an hour count from 1970-01-01T00:00Z. With `subscriptions` only values count
        that one of these names had; "" stands for events that name none.
        """
        ...

    def distinct_members(
        self,
        customer: CustomerId,
        feature: FeatureId,
        first: int,
        last: int,
        subscriptions: Collection[str] | None = None,
        *,
        of: Sequence[bytes] | None = None,
        limit: int | None = None,
    ) -> list[bytes]:
        """The different values themselves, in any order: those among `of`, at most `limit`."""
        ...

    def levels(
        self, customer: CustomerId, feature: FeatureId, first_hour: int, last_hour: int
    ) -> list[LevelHour]:
        """The hours of a level from `first_hour` to before `last_hour`, in order of time."""
        ...

    def put_levels(self, hours: Sequence[LevelHour]) -> None:
        """Store hours of a level in the place of those that have their keys.

        Whoever puts an hour has added to its rollup before, in the same transaction, which keeps
        others from putting it at the same time.
        """
        ...

    def stored(
        self,
        start: datetime,
        end: datetime,
        *,
        customer: str | None = None,
        voided: bool = False,
    ) -> Iterator[StoredEvent]:
        """Events by their own time in [start, end), in order of arrival within an hour.

        Without those that were voided, unless `voided` asks for them too.
        """
        ...

    def page(
        self,
        after: str | None,
        limit: int,
        *,
        customer: str | None = None,
        event: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        state: UsageState | None = None,
    ) -> Page[StoredEvent]:
        """Events in order of arrival, without voided ones unless `state` asks for these.

        One that is matched while the pages are read moves to the end, so it may be seen twice, but
        none is missed.
        """
        ...

    def drop_rollups(
        self,
        feature: FeatureId,
        *,
        customer: CustomerId | None = None,
        hours: tuple[int, int] | None = None,
    ) -> None:
        """Forget rollups of a feature, its values and levels too, before they are built anew.

        All of them, or those of one customer, or of the hours [first, last).
        """
        ...

    def has_rollups(self, feature: FeatureId) -> bool:
        """Whether anything was ever added up for a feature."""
        ...

    def touched(
        self,
        customer: CustomerId,
        feature: FeatureId,
        after: datetime,
        hours: tuple[int, int] | None = None,
    ) -> set[int]:
        """The hours, of all or of [first, last), that were counted in, or voided, after an instant.

        By the instants of the transactions that did it. One more does no harm.
        """
        ...

    def alone(self) -> None:
        """Hold back every other transaction that adds usage in the scope, until this one ends.

        For whoever counts anew what others may be adding to.
        """
        ...

    def unmatched(
        self,
        after: str | None,
        limit: int,
        *,
        reason: Unmatched | None = None,
        customer: str | None = None,
        event: str | None = None,
    ) -> Page[StoredEvent]:
        """Events that wait for a customer or a feature, oldest first.

        `customer` and `event` are the names as they are stored.
        """
        ...

    def waiting_for_customer(self, refs: Sequence[str]) -> list[StoredEvent]:
        """Events that wait for a customer with one of these refs."""
        ...

    def waiting_for_feature(self, event: str, limit: int | None = None) -> list[StoredEvent]:
        """Events that wait for a feature that reads this event name, the oldest `limit` of them."""
        ...

    def match(self, events: Sequence[StoredEvent]) -> None:
        """Store the new `customer` and `unmatched` of events that were waiting."""
        ...

    def reject(self, events: Sequence[RejectedEvent]) -> None:
        """Keep events that were refused; one that is kept already stays as it is."""
        ...

    def rejected(
        self,
        after: str | None,
        limit: int,
        *,
        outcome: Outcome | None = None,
        code: str | None = None,
    ) -> Page[RejectedEvent]:
        """Refused events, oldest first; `code` is what their reason begins with, to the colon."""
        ...

    def rejected_by_id(self, ids: Sequence[UsageEventId]) -> dict[UsageEventId, RejectedEvent]:
        """Those of these refused events that are kept."""
        ...

    def drop_rejected(self, ids: Sequence[UsageEventId]) -> None:
        """Forget refused events; one that is not kept is forgotten already."""
        ...

    def mark(self, writer: str, batch: int) -> None:
        """Note, with this transaction, that a writer's batches up to `batch` are stored."""
        ...

    def marked(self, writer: str) -> int:
        """The last batch of a writer that this transaction can see; 0 before the first."""
        ...

    def schedules(self, customers: Sequence[CustomerId]) -> dict[CustomerId, list[ServiceTimes]]:
        """When these customers' subscriptions serve, ended ones included, the oldest start first.

        They say which period is the current one, and what is too late.
        """
        ...

    def expire(
        self, hours: tuple[int, int], received_before: datetime, limit: int
    ) -> tuple[int, int]:
        """Forget raw events of the hours [first, last), with their keys: at most `limit` of them.

        Those that wait for a customer or feature, or came in at `received_before` or later, stay.
        Rollups stay. Notes that events of before `last` may be gone. How many went, and the hour
        to go on from, which is `last` once none is left.
        """
        ...

    def expired_before(self) -> int | None:
        """The hour before which raw events may be gone; None while all are there."""
        ...

    def oldest_hour(self, since: int | None = None) -> int | None:
        """The first hour, from `since` on, that has raw events of that time; None without any."""
        ...

    def forget_refused(self, before: datetime, limit: int) -> int:
        """Forget the events that were refused before then, the oldest `limit`; how many it was."""
        ...

    def forget_marks(self, before: datetime) -> None:
        """Forget the marks of writers that have stored nothing since then."""
        ...

    def newest_id(self) -> UsageEventId | None:
        """The id of the event stored last, to say as of what usage was read."""
        ...


class UsageWork(CustomerWork, PlanWork, Protocol):
    """A transaction that can store and read usage."""

    @property
    def usage(self) -> UsageRepository: ...
