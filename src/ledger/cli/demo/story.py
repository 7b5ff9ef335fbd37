"""The story of the demo: an invoice, where a line came from, a limit that ran out, the books."""

from typing import TYPE_CHECKING

from ledger import Entitlement, Invoice, LineItem
from ledger.cli.check import sentence
from ledger.cli.demo.company import ADDRESS, FREE_REQUESTS
from ledger.cli.demo.people import RUNS_OUT, SHOWN
from ledger.cli.demo.play import Played
from ledger.cli.demo.reconcile import Balance
from ledger.cli.output import Column, Output
from ledger.cli.wording import count, quantity, when
from ledger.types.money import Money

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

LINES_SHOWN = 24
REQUEST = {"input_tokens": 900, "output_tokens": 120}


def shown_invoice(tenant: "Tenant[Blocking]") -> Invoice:
    """The newest of the invoices with a line that walks through the most tiers."""
    numbered = [each for each in tenant.invoices.list(customer=SHOWN) if each.number]
    return max(numbered, key=lambda each: (_tiers(each.lines[shown_line(each) - 1]), each.boundary))


def shown_line(invoice: Invoice) -> int:
    """The number, from 1, of the line that walks through the most tiers."""
    numbers = range(1, len(invoice.lines) + 1)
    return max(numbers, key=lambda number: _tiers(invoice.lines[number - 1]))


def _tiers(line: LineItem) -> int:
    return len(line.derivation.tiers)


def tell_invoice(out: Output, invoice: Invoice) -> None:
    """An invoice as a person would want to read it."""
    from ledger.engine.rendering import render

    _head(out, "One invoice, as the customer gets it")
    out.text(render(invoice, ADDRESS))


def tell_line(out: Output, tenant: "Tenant[Blocking]", invoice: Invoice, line: int) -> None:
    """Where one line came from, down to the tiers and the hours."""
    explanation = tenant.invoices.explain(invoice.id, line).text().splitlines()
    _head(out, f"Line {line} of it, explained")
    for text in explanation[:LINES_SHOWN]:
        out.text(text)
    if len(explanation) > LINES_SHOWN:
        out.text(f"    … and {count(len(explanation) - LINES_SHOWN, 'more hour')}")
    out.text()


def run_out(tenant: "Tenant[Blocking]") -> tuple[int, Entitlement]:
    """Use the free plan the way a product does: ask, then report; until the answer is no."""
    used = 0
    while used <= FREE_REQUESTS:
        answer = tenant.entitled(RUNS_OUT, "requests")
        if not answer.allowed:
            break
        tenant.meter(
            RUNS_OUT,
            "llm.request",
            properties={"model": "tide-small", **REQUEST},
        )
        used += 1
    tenant.flush()
    return used, tenant.entitled(RUNS_OUT, "requests")


def count_run_out(played: Played, used: int) -> None:
    """Note what `run_out` used with the rest of what went in."""
    played.accepted += used
    for name, amount in REQUEST.items():
        played.used[name] += amount * used


def tell_limit(out: Output, used: int, answer: Entitlement) -> None:
    """A limit that ran out."""
    _head(out, "A limit that ran out")
    out.text(
        f"{RUNS_OUT} is on the free plan: {quantity(answer.limit)} requests a month. It asked"
        f" before each request;"
    )
    out.text(f"{used} more were allowed today, and then the answer was no:")
    out.text()
    out.text(f"  {sentence(RUNS_OUT, 'requests', answer)}")
    out.text(f"  used {quantity(answer.used)}, resets at {when(answer.resets_at)}")
    out.text()


_COLUMNS = (
    Column("FEATURE"),
    Column("ACCEPTED", right=True),
    Column("RATED", right=True),
    Column("INVOICED", right=True),
    Column("+ RUNNING", right=True),
    Column("+ FREE", right=True),
    Column(""),
)


def tell_books(out: Output, books: Balance) -> None:
    """Accepted = stored = rated = invoiced."""
    _head(out, "Accepted = stored = rated = invoiced")
    out.table(
        _COLUMNS,
        [
            (
                each.feature,
                quantity(each.accepted),
                quantity(each.rated),
                quantity(each.invoiced),
                quantity(each.running),
                quantity(each.free),
                _mark(holds=each.holds),
            )
            for each in books.features
        ],
    )
    out.text()
    same = books.accepted == books.stored
    out.text(f"{books.accepted:,} events accepted, {books.stored:,} stored  {_mark(holds=same)}")
    out.text(
        f"{count(books.numbered, 'invoice')} of {Money(books.billed, 'USD').format()} together,"
        f" {count(books.gaps, 'number')} missing  {_mark(holds=not books.gaps)}"
    )
    out.text("running: in periods that are not billed yet; free: in trials, and on the free plan.")
    out.text()


def _mark(*, holds: bool) -> str:
    return "✓" if holds else "✗ does not hold"


def _head(out: Output, title: str) -> None:
    out.text(title, style="bold")
    out.text("═" * len(title), style="dim")
