"""The README's first program runs as printed, says what it promises, and is short."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
PROGRAM = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]


def test_the_first_program_prints_what_is_due() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("$49.00\n", "")


def test_the_first_program_is_short() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 15
