"""Servers that tests and the docs share."""

from collections.abc import Iterator

import pytest

from tests.servers import Cluster, cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server, the same one for all tests of a worker."""
    with cluster() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Cluster, worker_id: str) -> str:
    """An empty database with the schema, which a role that is no superuser owns."""
    return postgres.database(f"ledger_{worker_id}")
