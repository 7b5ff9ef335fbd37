"""Work done aside: in a thread that is not waited for, in a child process."""

import os
from collections.abc import Callable
from threading import Event, Thread


def started(work: Callable[[], object]) -> Event:
    """Runs `work` in a thread; the event tells that it has ended well."""
    done = Event()

    def run() -> None:
        work()
        done.set()

    Thread(target=run, daemon=True).start()
    return done


def forked(work: Callable[[], None]) -> int:
    """Runs `work` in a child process; 0 when it ended well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
