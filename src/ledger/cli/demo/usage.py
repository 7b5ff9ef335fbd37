"""The usage of the demo: the same from the same seed, day by day. Pure.

More in the week than on its end, more at noon than at night where the customer is, and more every
month.
"""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from ledger import UsageEvent
from ledger.cli.demo.people import Person
from ledger.types.allocation import allocate
from ledger.types.zone import local, midnight

MODELS = ("tide-small", "tide-large")
DAY_S = 86_400
_GROWTH = 3  # a day of the last month has about so many times the usage of the first
_WEEKEND, _WEEK = 4, 10


def events_by_day(total: int, days: Sequence[date]) -> list[int]:
    """How many events each day has, `total` together."""
    last = len(days) - 1
    weights = [
        (last + (_GROWTH - 1) * index) * (_WEEKEND if day.weekday() >= 5 else _WEEK)
        for index, day in enumerate(days)
    ]
    return allocate(total, weights)


class Traffic:
    """Makes the usage of one day after another."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same again is what is wanted
        self._storage: dict[str, int] = {}

    def of(self, day: date, people: Sequence[Person], count: int) -> list[UsageEvent]:
        """`count` events of these customers on a day in UTC, in order of time."""
        if not people:
            return []
        reach = list(accumulate(person.weight for person in people))
        used = self._random.choices(people, cum_weights=reach, k=count)
        noon = {person.slug: _noon(day, person.zone) for person in people}
        start = midnight(day, "UTC")
        events = [self._event(person, start, noon[person.slug]) for person in used]
        events.sort(key=_time)
        return events

    def _event(self, person: Person, start: datetime, noon_s: int) -> UsageEvent:
        spread = self._random.triangular(-DAY_S // 2, DAY_S // 2, 0)
        second = (noon_s + spread) % DAY_S
        time = start + timedelta(microseconds=int(second * 1_000_000))
        kind = self._random.random()
        if kind < 0.04 and person.plan != "free":
            return UsageEvent(
                "image.generated", person.slug, self._random.randint(1, 12), time=time
            )
        if kind < 0.05 and person.plan == "scale":
            return UsageEvent("storage.level", person.slug, self._level(person.slug), time=time)
        return UsageEvent("llm.request", person.slug, 1, time=time, properties=self._tokens())

    def _tokens(self) -> dict[str, str | int | bool | Decimal | None]:
        large = self._random.random() < 0.3
        prompt = int(self._random.lognormvariate(8.6, 0.9))
        answer = int(self._random.lognormvariate(5.6, 0.8))
        return {
            "model": MODELS[large],
            "input_tokens": min(prompt, 200_000) + 1,
            "output_tokens": min(answer, 16_000) + 1,
        }

    def _level(self, slug: str) -> str:
        """What is stored grows slowly, in tenths of a GB."""
        tenths = self._storage.get(slug, 200) + self._random.randint(-5, 12)
        self._storage[slug] = max(tenths, 1)
        return f"{self._storage[slug] // 10}.{self._storage[slug] % 10}"


def _noon(day: date, zone: str) -> int:
    """The second of the UTC day at which it is about two in the afternoon there."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    offset = local(noon, zone).utcoffset() or timedelta()
    return (14 * 3_600 - int(offset.total_seconds())) % DAY_S


def _time(event: UsageEvent) -> datetime:
    assert event.time is not None  # noqa: S101 - every event above has one
    return event.time
