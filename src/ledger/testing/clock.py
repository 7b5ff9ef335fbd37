"""A clock that stands still until it is moved, so that a year of billing takes a second."""

from datetime import datetime, timedelta
from threading import Lock

from ledger.types.errors import Invalid
from ledger.types.zone import instant_text, utc


class MovableClock:
    """A `Clock` that shows `instant` until a test moves it; any thread may ask or move it.

    Raises:
        Invalid: (`naive_datetime`) the instant has no time zone.
    """

    def __init__(self, instant: datetime) -> None:
        self._now = utc(instant)
        self._lock = Lock()

    def now(self) -> datetime:
        """The instant it was moved to, in UTC."""
        with self._lock:
            return self._now

    def move_to(self, instant: datetime) -> None:
        """Shows `instant` from now on, be it later or earlier.

        Raises:
            Invalid: (`naive_datetime`) the instant has no time zone.
        """
        moved = utc(instant)
        with self._lock:
            self._now = moved

    def advance(self, by: timedelta) -> None:
        """Moves on by `by`; a negative one goes back.

        Raises:
            Invalid: (`instant_out_of_range`) past the years 1 to 9999.
        """
        with self._lock:
            try:
                self._now += by
            except OverflowError:
                raise Invalid(
                    f"{instant_text(self._now)} and {by} end outside the years 1 to 9999",
                    code="instant_out_of_range",
                ) from None

    def __repr__(self) -> str:
        return f"MovableClock({instant_text(self.now())})"
