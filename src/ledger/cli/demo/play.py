"""The year of the demo: people sign up, use the product day by day, and are billed every month."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from ledger import Address, Subscription, UsageEvent
from ledger.cli.demo.company import FEATURES, PLANS
from ledger.cli.demo.people import PEOPLE, Person
from ledger.cli.demo.usage import Traffic, events_by_day
from ledger.testing.clock import MovableClock

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

START = datetime(2025, 1, 1, 12, tzinfo=UTC)
END = datetime(2026, 1, 2, tzinfo=UTC)
BATCH = 4_000
_DAY = timedelta(days=1)
_NOON = timedelta(hours=12)
PROPERTIES = ("input_tokens", "output_tokens")

Progress = Callable[[int, str], None]


@dataclass(slots=True)
class Played:
    """What the demo did, counted on its way in and nowhere else.

    `used` are the quantities by feature that the accepted events say.
    """

    subscriptions: dict[str, Subscription] = field(default_factory=dict[str, Subscription])
    accepted: int = 0
    refused: int = 0
    used: Counter[str] = field(default_factory=Counter[str])
    generated: int = 0
    finalized: int = 0
    failures: list[str] = field(default_factory=list[str])


class Year:
    """Plays the year on a tenant whose clock it moves."""

    def __init__(
        self, tenant: "Tenant[Blocking]", clock: MovableClock, seed: int, on_progress: Progress
    ) -> None:
        self._tenant, self._clock, self._progress = tenant, clock, on_progress
        self._traffic = Traffic(seed)
        self._batch: list[UsageEvent] = []
        self.played = Played()

    def play(self, events: int) -> Played:
        """From the first sign-up to the second day of the next year, with so many events."""
        self._clock.move_to(START)
        for feature in FEATURES:
            self._tenant.features.create(feature)
        for plan in PLANS:
            self._tenant.plans.create(plan)
        self._sign_up(START.date())
        days = [START.date() + _DAY * number for number in range(1, (END - START).days + 1)]
        for day, count in zip(days, events_by_day(events, days), strict=True):
            self._play_day(day, count)
        self._record()
        return self.played

    def _play_day(self, day: date, count: int) -> None:
        active = [each for each in PEOPLE if _signed_up(each) < day and not _has_left(each, day)]
        self._clock.move_to(_midnight(day) + _NOON)
        self._sign_up(day)
        self._let_go(day)
        used = self._traffic.of(day, active, count)
        if day.day == 1:
            noon = sum(each.time is not None and each.time <= self._clock.now() for each in used)
            self._batch += used[:noon]
            used = used[noon:]
            self._record()
            self._bill(day)
        self._batch += used
        self._clock.move_to(_midnight(day + _DAY))
        if len(self._batch) >= BATCH:
            self._record()

    def _sign_up(self, day: date) -> None:
        for person in PEOPLE:
            if _signed_up(person) == day:
                customer = self._tenant.customers.create(
                    name=person.name,
                    email=f"billing@{person.slug}.example",
                    external_id=person.slug,
                    address=Address(city=person.city, country=person.country),
                    time_zone=person.zone,
                )
                self.played.subscriptions[person.slug] = self._tenant.subscriptions.create(
                    customer=customer.id,
                    plan=person.plan,
                    trial_days=person.trial_days,
                    quantities={"seats": person.seats} if person.seats else {},
                )

    def _let_go(self, day: date) -> None:
        for person in PEOPLE:
            if person.last_day is not None and _on(person.last_day) == day:
                id = self.played.subscriptions[person.slug].id  # noqa: A001 - what it is
                self.played.subscriptions[person.slug] = self._tenant.subscriptions.cancel(id)

    def _record(self) -> None:
        batch, self._batch = self._batch, []
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            for event, result in zip(part, self._tenant.usage.record(part), strict=True):
                self._count(event, accepted=result.outcome == "accepted")
            self._progress(len(part), f"{part[-1].time:%B %Y}")

    def _count(self, event: UsageEvent, *, accepted: bool) -> None:
        if not accepted:
            self.played.refused += 1
            return
        self.played.accepted += 1
        if event.event == "image.generated":
            self.played.used["images"] += int(event.quantity)
        for name in PROPERTIES if event.event == "llm.request" else ():
            self.played.used[name] += int(event.properties[name] or 0)

    def _bill(self, day: date) -> None:
        done = self._tenant.billing.run()
        self.played.generated += done.generated
        self.played.finalized += done.finalized
        self.played.failures += [each.message for each in done.failures]
        self._progress(0, f"billing {day - _DAY:%B %Y}")


def _on(day: int) -> date:
    return START.date() + _DAY * day


def _signed_up(person: Person) -> date:
    return _on(person.day)


def _has_left(person: Person, day: date) -> bool:
    return person.last_day is not None and _on(person.last_day) <= day


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
