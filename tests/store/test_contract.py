"""The contract of a store holds in memory and in a file, and every statement names its scope."""

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
