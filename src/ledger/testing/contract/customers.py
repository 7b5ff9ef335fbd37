"""Customers: two names for each, versions that catch a lost update, pages."""

from msgspec.structs import replace

from ledger.testing.contract import things
from ledger.testing.contract.store import Held, Store, Work, pages, refused
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid, NotFound


class CustomerContract:
    """What a `CustomerRepository` promises."""

    def test_a_customer_is_found_by_id_and_by_external_id(self, store: Store) -> None:
        acme, customer = Held(store), things.customer("user_42")
        acme.customers.add(customer)
        for ref in customer.refs:
            assert acme.customers.get(ref) == customer
            assert acme.customers.find(ref) == customer

    def test_a_customer_that_is_not_there_is_not_found(self, store: Store) -> None:
        acme = Held(store)
        for ref in ("nobody", ids.CUSTOMER.new(), "", "cst_"):
            assert acme.customers.find(ref) is None
            with refused(NotFound, "customer_not_found"):
                acme.customers.get(ref)

    def test_an_external_id_belongs_to_one_customer(self, store: Store) -> None:
        acme, other = Held(store), things.customer("user_2")
        acme.customers.add(things.customer("user_1"))
        acme.customers.add(other)
        with refused(Conflict, "customer_exists"):
            acme.customers.add(things.customer("user_1"))
        taken = replace(other, external_id="user_1", version=2)
        with refused(Conflict, "customer_exists"):
            acme.customers.save(taken)

    def test_many_customers_have_no_external_id(self, store: Store) -> None:
        acme = Held(store)
        for _ in range(3):
            acme.customers.add(things.customer())
        assert len(acme.customers.page(None, 10)) == 3

    def test_external_ids_are_told_apart_to_the_letter(self, store: Store) -> None:
        acme = Held(store)
        refs = ["user", "User", "user ", "us%", "us_r", "ü", "u\u0308", "'; --"]
        known = {ref: things.customer(ref) for ref in refs}
        for customer in known.values():
            acme.customers.add(customer)
        for ref, customer in known.items():
            assert acme.customers.get(ref) == customer

    def test_many_refs_are_resolved_at_once(self, store: Store) -> None:
        acme, known = Held(store), [things.customer(f"user_{n}") for n in range(1_200)]

        def add_all(work: Work) -> None:
            for customer in known:
                work.customers.add(customer)

        acme.write(add_all)
        wanted = {ref: customer.id for customer in known for ref in customer.refs}
        refs = [*wanted, "nobody", things.unknown_customer()]
        assert acme.customers.resolve(refs) == wanted
        assert acme.customers.resolve([]) == {}

    def test_a_version_is_replaced_by_the_next_one_only(self, store: Store) -> None:
        acme, customer = Held(store), things.customer("user_1")
        acme.customers.add(customer)
        renamed = replace(customer, name="Joan", external_id="user_2", version=2)
        acme.customers.save(renamed)
        assert acme.customers.get("user_2") == renamed
        assert acme.customers.find("user_1") is None
        for lost in (replace(customer, version=2), replace(customer, version=4)):
            with refused(Conflict, "customer_changed"):
                acme.customers.save(lost)
        with refused(Conflict, "customer_changed"):
            acme.customers.save(replace(things.customer(), version=2))

    def test_a_customer_can_be_locked_known_or_not(self, store: Store) -> None:
        acme, customer = Held(store), things.customer()
        acme.customers.add(customer)
        acme.customers.lock(customer.id)
        acme.customers.lock(things.unknown_customer())

    def test_customers_are_listed_oldest_first_in_pages(self, store: Store) -> None:
        acme = Held(store)
        added = [things.customer(name=f"Customer {number}") for number in range(5)]
        for customer in (added[3], added[0], added[4], added[1], added[2]):
            acme.customers.add(customer)
        found = pages(lambda after: acme.customers.page(after, 2))
        assert found == [added[:2], added[2:4], added[4:]]
        gone = added[1].archived()
        acme.customers.save(gone)
        listed = acme.customers.page(None, 10, status="archived")
        assert listed.items == (gone,)

    def test_a_cursor_of_something_else_is_refused(self, store: Store) -> None:
        acme = Held(store)
        with refused(Invalid, "bad_cursor"):
            acme.customers.page("nonsense", 2)

    def test_a_page_holds_at_least_one_item(self, store: Store) -> None:
        acme = Held(store)
        with refused(Invalid, "bad_limit"):
            acme.customers.page(None, 0)
