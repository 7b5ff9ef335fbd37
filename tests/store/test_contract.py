"""The contract holds on every store, and every statement names its scope."""

import pytest

from ledger.store.sql.store import SqlStore
from ledger.testing.contract import StoreContract


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self, memory: SqlStore) -> SqlStore:
        return memory


class TestSqliteFile(StoreContract):
    @pytest.fixture
    def store(self, file: SqlStore) -> SqlStore:
        return file


class TestPostgres(StoreContract):
    @pytest.fixture
    def store(self, postgres_store: SqlStore) -> SqlStore:
        return postgres_store
