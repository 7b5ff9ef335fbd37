"""Stores for these tests: empty, migrated, and watched for statements that forget their scope."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.store.memory import open_memory
from ledger.store.postgres import open_postgres
from ledger.store.sql.guard import watch
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite import open_sqlite

pytest.register_assert_rewrite("ledger.testing.contract")


@pytest.fixture
def memory() -> Iterator[SqlStore]:
    """A store in memory."""
    store = open_memory()
    store.migrate()
    watch(store)
    yield store
    store.close()


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[SqlStore]:
    """A store in PostgreSQL."""
    store = open_postgres(postgres_url)
    watch(store)
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store in a file is."""
    return tmp_path / "ledger.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqlStore]:
    """A store in a file."""
    store = open_sqlite(path)
    store.migrate()
    watch(store)
    yield store
    store.close()
