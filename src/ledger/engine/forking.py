"""After a fork the child's engines begin anew: what they hold belongs to the parent."""

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that holds what only one process may use."""

    def after_fork(self) -> None:
        """Begin anew in the child."""
        ...


living: WeakSet[Forkable] = WeakSet()


def _start_all_anew() -> None:
    for forkable in tuple(living):
        forkable.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)
