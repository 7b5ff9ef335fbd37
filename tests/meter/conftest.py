"""A store in memory, and books of a tenant of their own in it."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from ledger.store.memory import open_memory
from ledger.store.postgres import open_postgres
from tests.meter.books import Books
from tests.servers import Cluster


@pytest.fixture(scope="session")
def new_books() -> Iterator[Callable[[], Books]]:
    """A function that opens books of a tenant of their own."""
    store, numbers = open_memory(), count()
    store.migrate()
    yield lambda: Books(store, f"tenant-{next(numbers)}")
    store.close()


@pytest.fixture
def books(new_books: Callable[[], Books]) -> Books:
    """The books of a new tenant."""
    return new_books()


@pytest.fixture(scope="session")
def books_on_a_server(postgres: Cluster, worker_id: str) -> Iterator[Callable[[], Books]]:
    """As `new_books`, in PostgreSQL."""
    store, numbers = open_postgres(postgres.create(f"ledger_meter_{worker_id}")), count()
    store.migrate()
    yield lambda: Books(store, f"tenant-{next(numbers)}")
    store.close()
