"""Whatever is wrong: one sentence, a code that stays, an exit code, and no traceback."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

NO_SUB = "sub_01h455vb4pex5vsknk084sn02q"
NO_INV = "inv_01h455vb4pex5vsknk084sn02q"
LONG = "9" * 40


@pytest.mark.parametrize(
    ("command", "exit_code", "code"),
    [
        ("", 2, None),
        ("plan list", 2, "usage"),
        ("plans lst", 2, "usage"),
        ("plans list --limit 0", 2, "usage"),
        ("plans list --limit x", 2, "usage"),
        ("plans list --jsn", 2, "usage"),
        ("plans show", 2, "usage"),
        ("plans show nothing", 4, "plan_not_found"),
        ("plans show pro --version 9", 4, "plan_not_found"),
        (f"plans show {NO_INV}", 2, "wrong_id"),
        ("plans list --at yesterday", 2, "bad_instant"),
        ("plans list --tenant a\x07b", 2, "bad_tenant"),
        ("plans list --db mysql://x/y", 2, "unknown_database"),
        ("plans list --db missing.db", 6, "database_missing"),
        ("plans list --db .", 6, "database_unreachable"),
        ("plans list --db junk.bin", 6, "not_a_database"),
        ("migrate --db missing.db", 6, "database_missing"),
        ("customers show nobody", 4, "customer_not_found"),
        ("subscriptions list --customer nobody", 4, "customer_not_found"),
        ("check kestrel nothing", 4, "feature_not_found"),
        ("check kestrel images --quantity -1", 2, "bad_quantity"),
        ("check kestrel images --quantity NaN", 2, "bad_decimal"),
        (f"check kestrel images --quantity {LONG}", 2, "out_of_range"),
        ("check nobody images", 3, None),
        ("check bluebird images", 3, None),
        ("preview nobody", 4, "customer_not_found"),
        ("preview bluebird", 5, "nothing_due"),
        (f"preview {NO_SUB}", 4, "subscription_not_found"),
        (f"preview {NO_INV}", 2, "wrong_id"),
        ("preview sub_x", 2, "wrong_id"),
        ("invoice generate kestrel --at 2026-01-02", 5, "nothing_due"),
        ("invoice generate kestrel --boundary never", 2, "bad_instant"),
        ("invoice show INV-999999", 4, "invoice_not_found"),
        (f"invoice show {NO_SUB}", 2, "wrong_id"),
        ("invoice explain INV-000001 --line 99", 4, "line_item_not_found"),
        ("invoice list --status lost", 2, "usage"),
        ("invoice list --subscription x", 2, "wrong_id"),
        ("invoice finalize INV-000001", 2, "wrong_id"),
        (f"invoice finalize {NO_INV}", 4, "invoice_not_found"),
        ("invoice void INV-000001", 2, "usage"),
        ("invoice void INV-999999 --reason x", 4, "invoice_not_found"),
        ("usage show kestrel seats", 2, "not_metered"),
        ("usage show kestrel images --window year", 2, "usage"),
        ("usage show kestrel images --start 2026-01-02 --end 2026-01-01", 2, "bad_period"),
        ("usage record kestrel llm.request 1e999", 1, None),
        ("usage record kestrel llm.request NaN", 1, None),
        (f"usage record kestrel llm.request {LONG}", 1, None),
        ("usage record kestrel llm.request --property x", 2, "bad_pair"),
        ("usage record kestrel llm.request --time 09:00", 2, "bad_instant"),
        ("usage record kestrel requests", 1, None),
        ("usage import missing.csv --event e", 2, "bad_file"),
        ("usage import . --event e", 2, "bad_file"),
        ("usage import junk.bin --event e", 2, "bad_file"),
        ("usage import table.csv", 2, "no_such_column"),
        ("usage import table.csv --event e", 2, "no_such_column"),
        ("usage import table.csv --event e --customer c --time-column when", 2, "no_such_column"),
        ("usage import table.csv --event e --event-column a", 2, "both_given"),
        ("usage import table.csv --event e --customer c --time-zone Mars", 2, "unknown_time_zone"),
        ("usage import table.csv --event e --customer c --format xml", 2, "usage"),
        ("usage import table.csv --event e --customer c --batch-size 0", 2, "usage"),
        ("demo --out table.csv", 5, "not_a_demo"),
        ("demo --out . ", 5, "not_a_demo"),
        ("demo --out none/demo.db", 5, "no_folder"),
        ("demo --events 5", 2, "usage"),
        ("demo --db x.db", 2, "demo_db"),
        ("init --config table.csv", 5, "config_exists"),
        ("doctor --db missing.db", 1, None),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    command: str, exit_code: int, code: str | None, run: Run, demo: Path, folder: Path
) -> None:
    folder.joinpath("junk.bin").write_bytes(bytes(range(256)) * 40)
    folder.joinpath("table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    words = command.split()
    ran = run(*words)
    assert (ran.code, "Traceback" in ran.err + ran.out) == (exit_code, False), ran
    if code is not None:
        assert ran.err.startswith("ledger: ")
        told = run(*words, "--json")
        assert (told.code, told.out) == (exit_code, "")
        assert told.error.keys() == {"code", "message", "param"}
        assert told.error["code"] == code


@pytest.mark.parametrize("quantity", ["3", "2.5", "1e2", "0.000000001"])
def test_a_decimal_as_text_is_exact(quantity: str, run: Run, demo: Path) -> None:
    at = ("--at", "2026-01-02")
    assert run("usage", "record", "kestrel", "image.generated", quantity, *at).code == 0


def test_data_of_another_tenant_is_not_there(run: Run, demo: Path) -> None:
    shown = run("invoice", "show", "INV-000001", "--json")
    assert shown.code == 0
    stranger = run("invoice", "show", "INV-000001", "--tenant", "stranger", "--json")
    assert (stranger.code, stranger.error["code"]) == (4, "invoice_not_found")


def test_a_slip_is_answered_with_a_suggestion(run: Run, demo: Path) -> None:
    assert "Did you mean 'plans'?" in run("plan", "list").err.replace("did", "Did")
    assert "--json" in run("plans", "list", "--jso").err


def test_the_traceback_is_shown_on_request(
    run: Run, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DEBUG", "1")
    assert "Traceback" in run("plans", "show", "nothing").err


def test_several_subscriptions_are_named(run: Run, demo: Path) -> None:
    import ledger

    with ledger.open(f"sqlite:///{demo}") as engine:
        tenant = engine.tenant("default")
        second = tenant.subscriptions.create("kestrel", "free")
    ran = run("preview", "kestrel", "--json")
    assert (ran.code, ran.error["code"]) == (5, "several_subscriptions")
    assert second.id in str(ran.error["message"])
