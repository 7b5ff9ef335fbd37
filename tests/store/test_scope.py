"""No statement leaves its scope: what could is refused when it is built, and again when it runs."""

from typing import Any

import pytest
import sqlalchemy as sa

from ledger.store.sql.connection import ScopedConnection
from ledger.store.sql.customers import customers
from ledger.store.sql.database import NO_SCOPE
from ledger.store.sql.guard import is_scoped
from ledger.store.sql.plans import plans
from ledger.store.sql.statement import by, scoped, within
from ledger.store.sql.store import SqlStore
from ledger.store.sql.subscriptions import subscriptions
from ledger.store.sql.work import SqlWork
from ledger.testing.contract.store import ACME, NOW
from ledger.testing.contract.things import customer
from ledger.types.errors import Broken
from ledger.types.scope import Scope

JOIN = customers.c.id == subscriptions.c.customer
INNER = sa.select(subscriptions.c.customer).where(by(subscriptions.c.id))


@pytest.mark.parametrize(
    ("statement", "conditions"),
    [
        (sa.select(customers.c.id), ["customers"]),
        (sa.select(customers.alias("c").c.id), ["c"]),
        (
            sa.select(customers.c.id).join(subscriptions, JOIN),
            ["customers", "subscriptions"],
        ),
        (sa.select(customers.c.id, plans.c.id), ["customers", "plans"]),
        (
            sa.select(customers.c.id).where(customers.c.id.in_(within(INNER))),
            ["customers", "subscriptions"],
        ),
    ],
)
def test_every_table_that_is_read_is_held_inside_the_scope(
    statement: sa.Select[Any], conditions: list[str]
) -> None:
    text = str(scoped(statement).select)
    for table in conditions:
        assert f"{table}.scope_id = :scope" in text
    assert is_scoped(text.replace(":scope", "?"))


@pytest.mark.parametrize(
    "statement", [customers.update().where(by(customers.c.id)), customers.delete()]
)
def test_what_is_changed_is_held_inside_the_scope(statement: sa.Update | sa.Delete) -> None:
    assert "customers.scope_id = :scope" in str(scoped(statement).statement)


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(customers.c.id).outerjoin(subscriptions, JOIN),
        sa.select(customers.c.id).where(customers.c.id.in_(INNER)),
        sa.select(INNER.subquery().c.customer),
        sa.select(customers.c.id).where(sa.exists(INNER)),
        sa.select(sa.select(plans.c.id).cte("p").c.id),
        sa.select(customers.c.id).where(customers.c.id.in_(sa.union(INNER, INNER))),
        sa.select(sa.text("* from customers")),
        sa.select(customers.c.id).where(sa.text("1 = 1")),
        # A condition that another one can make void holds nothing.
        sa.select(customers.c.id).where(
            customers.c.id.in_(
                INNER.where(
                    sa.or_(
                        subscriptions.c.scope_id == sa.bindparam("scope"),
                        subscriptions.c.plan == "x",
                    )
                )
            )
        ),
    ],
)
def test_a_statement_that_could_leave_the_scope_is_refused(statement: sa.Select[Any]) -> None:
    with pytest.raises(Broken) as refused:
        scoped(statement)
    assert refused.value.code == "unscoped_statement"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM customers",
        'SELECT id FROM customers WHERE customers."plan" = ?',
        "SELECT 1 FROM scopes JOIN due ON due.scope_id = scopes.id",
        "SELECT 1 FROM customers, plans WHERE customers.scope_id = ?",
        "SELECT 1 FROM customers AS c WHERE customers.scope_id = ?",
        "UPDATE customers SET scope_id = ?",
        "DELETE FROM usage_events WHERE usage_events.position = ?",
        "INSERT INTO customers (id, document) VALUES (?, ?)",
        "SELECT 1 FROM plans WHERE id IN (SELECT id FROM plans) AND plans.scope_id = ?",
    ],
)
def test_the_second_pair_of_eyes_sees_what_is_missing(statement: str) -> None:
    assert not is_scoped(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN IMMEDIATE",
        "SELECT id FROM scopes WHERE tenant = ?",
        "SELECT due.at FROM due WHERE due.kind = ? AND due.scope_id = ?",
        "INSERT INTO customers (scope_id, id) VALUES (?, ?)",
    ],
)
def test_the_second_pair_of_eyes_lets_the_rest_pass(statement: str) -> None:
    assert is_scoped(statement)


def test_a_statement_that_forgets_the_scope_is_refused_when_it_runs(memory: SqlStore) -> None:
    def forget(work: SqlWork) -> None:
        connection: ScopedConnection = work.customers._scope
        connection._connection.exec_driver_sql("SELECT id FROM customers").all()

    with pytest.raises(Broken, match="outside every scope"):
        memory.run(ACME, forget, at=NOW)


def test_reading_an_unknown_scope_makes_no_row(memory: SqlStore) -> None:
    memory.run(ACME, lambda work: work.customers.page(None, 10), at=NOW, writes=False)
    memory.run(ACME, lambda work: work.customers.find("user_1"), at=NOW)
    assert _scopes(memory) == []
    memory.run(ACME, lambda work: work.customers.add(customer()), at=NOW)
    assert _scopes(memory) == [("acme", "production")]


def test_a_scope_that_was_rolled_back_is_not_remembered(memory: SqlStore) -> None:
    def fail(work: SqlWork) -> None:
        work.customers.add(customer())
        raise Broken("on purpose", code="on_purpose")

    with pytest.raises(Broken, match="on purpose"):
        memory.run(Scope("globex"), fail, at=NOW)
    memory.run(ACME, lambda work: work.customers.add(customer()), at=NOW)
    found = memory.run(Scope("globex"), lambda work: work.customers.page(None, 10), at=NOW)
    assert not found.items
    known = memory.run(Scope("globex"), lambda work: work.customers._scope.scope_id, at=NOW)
    assert known == NO_SCOPE


def _scopes(store: SqlStore) -> list[tuple[str, str]]:
    with store.database.transaction(writes=False) as connection:
        rows = connection.exec_driver_sql("SELECT tenant, app FROM scopes").all()
    return [(row[0], row[1]) for row in rows]
