"""Every verb has help with examples, and the examples do what they say."""

import gzip
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Run, run_ledger

VERBS = (
    "demo", "init", "migrate", "doctor", "check", "bill", "preview", "worker",
    "plans list", "plans show", "features list", "features create", "features backfill",
    "customers list",
    "customers show", "subscriptions list", "usage record", "usage show", "usage import",
    "usage get", "usage void", "usage replace", "usage unmatched", "usage rejected", "usage retry",
    "usage dismiss", "usage export", "usage expire",
    "invoice generate", "invoice list", "invoice show", "invoice explain", "invoice finalize",
    "invoice void", "bench hot", "bench ingest", "bench preview",
)  # fmt: skip  # a list of names reads best as one
CORRECTIONS = {"get", "void", "replace", "retry", "dismiss", "unmatched", "rejected", "export"}
SLOW = {"demo", "bench hot", "bench ingest", "bench preview"}
# What would take too long here, made shorter.
SHORTER = {
    "ledger demo": "ledger demo --events 200",
    "ledger demo --json": "ledger demo --events 200 --json",
    "ledger bench hot --seconds 1 --calls 1000 --json-file hot.json": (
        "ledger bench hot --seconds 1 --calls 20 --json-file hot.json"
    ),
    "ledger bench hot": "ledger bench hot --seconds 1 --calls 20",
    "ledger bench ingest": "ledger bench ingest --rows 2_000 --seconds 1 --batches 1",
    "ledger bench ingest --rows 10_000_000 --keys ordered --json-file ingest.json": (
        "ledger bench ingest --rows 2_000 --keys ordered --batches 1 --seconds 1"
        " --json-file ingest.json"
    ),
    "ledger bench preview": "ledger bench preview --events 1_000 --seconds 1",
    "ledger bench preview --events 100_000 --seconds 2 --json-file preview.json": (
        "ledger bench preview --events 1_000 --seconds 1 --json-file preview.json"
    ),
}
TRACE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n"


def examples_of(verb: str) -> list[str]:
    """The examples in the help of a verb, lines that go on joined."""
    text = run_ledger(*verb.split(), "--help").out.partition("Examples:")[2]
    lines = re.sub(r"\\\s*\n", " ", text).splitlines()
    return [line.strip().removeprefix("$ ") for line in lines if line.strip().startswith("$ ")]


def commands_in(help_text: str) -> set[str]:
    panel = help_text.partition("─ Commands ─")[2].partition("╰")[0]
    return {line.split()[1] for line in panel.splitlines()[1:] if re.match(r"│ \w", line)}


def test_every_verb_is_tested_here(run: Run) -> None:
    found: set[str] = set()
    for name in commands_in(run("--help").out):
        inner = commands_in(run(name, "--help").out)
        found |= {f"{name} {each}" for each in inner} or {name}
    assert found == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help_with_an_example(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert examples_of(verb)
    assert "--json" in run_ledger(*verb.split(), "--help").out


def test_the_help_says_what_exit_codes_mean(run: Run) -> None:
    text = run("--help").out
    assert "Exit codes:" in text
    assert "there is no such thing" in text


@pytest.mark.parametrize(
    "verb",
    [pytest.param(verb, marks=pytest.mark.slow if verb in SLOW else ()) for verb in VERBS],
)
def test_the_examples_run(
    verb: str, demo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings(folder)
    monkeypatch.setenv("COLUMNS", "120")
    for example in examples_of(verb):
        if verb in {"init", "demo"}:
            (folder / "ledger.toml").unlink(missing_ok=True)
        command = SHORTER.get(example, example)
        if "INVOICE_ID" in command:
            command = command.replace("INVOICE_ID", draft())
        if verb.partition(" ")[2] in CORRECTIONS:
            command = command.replace("EVENT_ID", corrected())
        ran = execute(command)
        # A check may say no, and what is refused may be refused again.
        codes = {"check": {0, 3}, "usage retry": {0, 1}}.get(verb, {0})
        assert ran.code in codes, (example, ran)


def surroundings(folder: Path) -> None:
    """The files that the examples name."""
    event = {"event": "llm.request", "customer": "kestrel", "properties": {"input_tokens": 5}}
    folder.joinpath("events.jsonl").write_text(json.dumps(event))
    cloud_event = {
        "specversion": "1.0", "id": "1", "source": "/api", "type": "llm.request",
        "subject": "kestrel", "time": "2026-01-01T10:00:00Z", "data": {"input_tokens": 7},
    }  # fmt: skip  # an event reads best as one
    folder.joinpath("cloud-events.json").write_text(json.dumps([cloud_event], indent=2))
    folder.joinpath("trace.csv").write_text(TRACE)
    old = "event,customer,time\nllm.request,kestrel,2019-01-01T00:00:00Z\n"
    folder.joinpath("old.csv.gz").write_bytes(gzip.compress(old.encode()))


def draft() -> str:
    """A draft: its boundary is minutes ago, and usage of its period may still come in late."""
    used = ("--property", "input_tokens=900000", "--at", "2026-01-20")
    assert run_ledger("usage", "record", "kestrel", "llm.request", *used).code == 0
    made = run_ledger("invoice", "generate", "kestrel", "--at", "2026-02-01T05:30Z", "--json")
    found: dict[str, str] = json.loads(made.out)
    assert found["status"] == "draft"
    return found["id"]


def corrected() -> str:
    """Events that are there to be corrected, some that wait, and one that was refused: its id."""
    keys = [("--key", f"order-{number}") for number in (1042, 1043, 1044)]
    use = ("usage", "record", "kestrel", "image.generated")
    for key in keys:
        assert run_ledger(*use, "25", *key).code in {0, 5}
    assert run_ledger("usage", "record", "kestral", "image.generated").code == 0
    assert run_ledger(*use, "--time", "2019-01-01").code == 1
    again = run_ledger(*use, "99", *keys[0], "--json")
    found: dict[str, str] = json.loads(again.out)
    return found["id"]


def execute(example: str) -> Ran:
    """Run an example: in this process, or with its pipe in a shell."""
    if "|" not in example:
        return run_ledger(*shlex.split(example)[1:])
    folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {example}"],
        env={"PATH": f"{folder}:/usr/bin:/bin", **environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in ("LEDGER_DATABASE_URL",) if name in os.environ}
