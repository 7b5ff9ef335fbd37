"""Data on stdout for people, pipes and programs; everything else on stderr."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.cli.output import Column, aligned
from ledger.cli.wording import count, unit_amount
from tests.cli.conftest import Ran, Run

KEYS = {
    "plans list": {"key", "name", "prices", "entitlements", "version", "status", "interval"},
    "plans show pro": {"key", "name", "prices", "entitlements", "version", "status", "interval"},
    "features list": {"key", "kind", "unit", "meter", "status"},
    "customers list": {"id", "external_id", "name", "time_zone", "status"},
    "customers show kestrel": {"customer", "subscriptions"},
    "subscriptions list": {"id", "customer", "plan", "start", "anchor", "quantities"},
    "usage show kestrel images": {"start", "end", "quantity"},
    "usage record kestrel image.generated": {"outcome", "id", "key"},
    "check kestrel images": {"allowed", "limit", "used", "remaining", "resets_at"},
    "preview kestrel": {"id", "lines", "total", "amount_due", "status"},
    "invoice list": {"id", "number", "lines", "total", "amount_due", "status", "boundary"},
    "invoice show INV-000001": {"id", "number", "lines", "total", "amount_due", "status"},
    "invoice explain INV-000001": {"invoice", "number", "lines", "total"},
    "bill --at 2026-01-20": {"id", "at", "generated", "finalized", "totals", "failures"},
    "doctor": {"name", "status", "detail", "hint"},
    "migrate": {"applied", "steps"},
}


@pytest.mark.parametrize("command", KEYS)
def test_json_has_keys_that_stay(command: str, run: Run, demo: Path) -> None:
    ran = run(*command.split(), "--json")
    assert (ran.code, ran.err) == (0, "")
    first = ran.data if ran.out.startswith("{") else ran.data[0]
    assert KEYS[command] <= first.keys()


@pytest.mark.parametrize("command", [each for each in KEYS if each != "migrate"])
def test_a_person_sees_data_on_stdout(command: str, run: Run, demo: Path) -> None:
    ran = run(*command.split())
    assert ran.code == 0
    assert ran.out.strip()
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    "command",
    ["plans list", "features list", "customers list", "subscriptions list", "invoice list", "bill"],
)
def test_an_empty_state_says_what_to_do(command: str, run: Run, demo: Path) -> None:
    ran = run(*command.split(), "--tenant", "nobody")
    assert ran.code == 0
    assert ran.err.strip()
    assert run(*command.split(), "--tenant", "nobody", "--quiet").err == ""


def test_money_and_numbers_stand_to_the_right() -> None:
    columns = [Column("NAME"), Column("DUE", right=True)]
    assert list(aligned(columns, [("a", "$9.00"), ("bcd", "$1,000.00")])) == [
        "NAME        DUE",
        "a         $9.00",
        "bcd   $1,000.00",
    ]


def test_a_name_cannot_draw_on_the_screen() -> None:
    assert list(aligned([Column("NAME")], [("a\x1b[2Jb\nc",)])) == ["NAME", "a�[2Jb�c"]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        ("0.0003", "USD", "$0.000003"),
        ("4900", "USD", "$49.00"),
        ("0.5", "JPY", "¥0.5"),
        ("-0.05", "EUR", "-€0.0005"),
        ("12.5", "CHF", "CHF\xa00.125"),
    ],
)
def test_a_unit_amount_has_all_its_digits(minor: str, currency: str, text: str) -> None:
    from decimal import Decimal

    assert unit_amount(Decimal(minor), currency) == text


def test_a_list_says_that_it_goes_on(run: Run, demo: Path) -> None:
    ran = run("invoice", "list", "--limit", "3")
    assert len(ran.out.splitlines()) == 4
    assert "there are more" in ran.err
    assert count(1, "x") == "1 x"


def command_line(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ledger", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **options},
    )  # fmt: skip  # options read best beside each other


def test_a_reader_may_leave(demo: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "ledger", "invoice", "list", "--limit", "1000"],
        stdout=write_end, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip  # options read best beside each other
    os.close(write_end)
    assert done.stderr == ""
    assert done.returncode == 141


def test_ctrl_c_is_tidy(folder: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "ledger", "demo", "--events", "1000000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip  # options read best beside each other
    while not (folder / "ledger-demo.db").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.strip() == "interrupted"


def test_the_command_is_installed_and_a_module() -> None:
    assert command_line("--version").stdout.startswith("ledger ")


def on_a_terminal(*arguments: str, **options: str) -> Ran:
    """Run `ledger` where stdout and stderr are a terminal of 120 columns."""
    import fcntl
    import pty
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **options}
    environment.pop("COLUMNS", None)
    running = subprocess.Popen(
        [sys.executable, "-m", "ledger", *arguments],
        stdin=terminal, stdout=terminal, stderr=terminal, env=environment,
    )  # fmt: skip  # options read best beside each other
    os.close(terminal)
    read = b""
    while True:
        try:
            part = os.read(controller, 65_536)
        except OSError:  # how Linux says that the other side has gone
            break
        if not part:
            break
        read += part
    os.close(controller)
    return Ran(running.wait(), read.decode(), "")


def test_on_a_terminal_a_table_is_drawn_and_doctor_has_colors(demo: Path) -> None:
    assert "───" in on_a_terminal("plans", "list").out
    assert "\x1b[" in on_a_terminal("doctor").out
    for plain in (on_a_terminal("doctor", NO_COLOR="1"), on_a_terminal("doctor", "--no-color")):
        assert "\x1b[3" not in plain.out


def test_nothing_asks_where_nobody_can_answer(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ledger", "init"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip  # options read best beside each other
    assert done.returncode == 0


def test_stdout_is_json_lines_that_parse(demo: Path) -> None:
    done = command_line("invoice", "list", "--json")
    assert json.loads(done.stdout)
