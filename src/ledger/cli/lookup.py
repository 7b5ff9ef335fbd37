"""Look-ups that people expect: a subscription by its customer, names instead of ids."""

from typing import TYPE_CHECKING

from ledger import Conflict, Customer, NotFound, Subscription
from ledger.types import ids

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

SHOWN_MAX = 5


def subscription_of(tenant: "Tenant[Blocking]", ref: str) -> Subscription:
    """The subscription with this id, or the one that this customer has and that is not over.

    Raises NotFound without one, Conflict (`several_subscriptions`) with several.
    """
    if ref.startswith(f"{ids.SUBSCRIPTION.prefix}_"):
        return tenant.subscriptions.get(ids.SUBSCRIPTION.check(ref))
    customer = tenant.customers.get(ref)
    held = list(tenant.subscriptions.list(customer=customer.id))
    live = [each for each in held if each.status != "canceled"] or held
    match live:
        case []:
            raise NotFound("subscription of customer", ref)
        case [only]:
            return only
        case _:
            some = ", ".join(each.id for each in live[:SHOWN_MAX])
            raise Conflict(
                f"customer {ref!r} has {len(live)} subscriptions; give one of them: {some}",
                code="several_subscriptions",
                param="subscription",
            )


class Names:
    """What ids are called, looked up once each."""

    def __init__(self, tenant: "Tenant[Blocking]") -> None:
        self._tenant = tenant
        self._customers: dict[str, Customer] = {}
        self._plans: dict[str, str] = {}

    def customer(self, id: str) -> str:
        """The customer's external id, the id without one."""
        return self._customer(id).external_id or id

    def customer_name(self, id: str) -> str:
        """What the customer is called."""
        return self._customer(id).name

    def plan(self, id: str, version: int) -> str:
        """The key of a plan, with the version where it is not the first."""
        if id not in self._plans:
            self._plans[id] = self._tenant.plans.get(id).key
        return self._plans[id] if version == 1 else f"{self._plans[id]} v{version}"

    def _customer(self, id: str) -> Customer:
        if id not in self._customers:
            self._customers[id] = self._tenant.customers.get(id)
        return self._customers[id]
