"""A desk with a plan on sale, and Jane who has it."""

import pytest

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Subscription
from tests.entitlement.desk import Desk, opened


@pytest.fixture
def desk() -> Desk:
    return opened(Desk())


@pytest.fixture
def jane(desk: Desk) -> Customer:
    return desk.do(customers.create, "Jane", external_id="jane")


@pytest.fixture
def subscription(desk: Desk, jane: Customer) -> Subscription:
    return desk.do(subscriptions.create, jane.id, "pro")
