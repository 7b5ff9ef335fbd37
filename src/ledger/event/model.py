"""An event is a fact in the past tense. It is written with the change it tells, or not at all."""

from datetime import datetime

import msgspec

from ledger.types.ids import MessageId


class Event(msgspec.Struct, frozen=True, tag=True):
    """The base of all facts; each slice has its own in `events.py`, named in the past tense.

    `entity_id` and `version` say which aggregate, in which version, the fact is about.
    """

    @property
    def entity_id(self) -> str:
        """The id of the thing that the fact is about."""
        raise NotImplementedError

    @property
    def version(self) -> int:
        """The version of the thing after the fact."""
        return 1

    @property
    def type(self) -> str:
        """The name under which the log keeps the fact, such as `PlanCreated`."""
        return self.__class__.__name__


class LoggedEvent(msgspec.Struct, frozen=True):
    """An entry of the event log.

    `sequence` grows inside a tenant; `type` names the fact, which `payload` holds as JSON.
    """

    id: MessageId
    sequence: int
    at: datetime
    type: str
    entity_id: str
    version: int
    payload: msgspec.Raw
