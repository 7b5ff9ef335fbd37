"""`python -m tests.cases DIR [--area A]…`: does every case of a folder come out?"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cases.areas import AREAS
from tests.cases.runner import failure, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases, print a line for each that fails and one for all. 0: they all passed."""
    options = _options(arguments)
    wanted: list[str] = options.area
    cases = [case for case in read(options.folder) if not wanted or case.area in wanted]
    failed = 0
    for case in cases:
        if wrong := failure(case):
            failed += 1
            print(f"{case.id}: {wrong}")
    unknown = sorted(set(wanted) - set(AREAS))
    for area in unknown:
        print(f"unknown area {area!r}; known are {', '.join(AREAS)}", file=sys.stderr)
    if not cases:
        print(f"no case found in {options.folder}", file=sys.stderr)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or unknown or not cases else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cases",
        description="Run every case of a folder's *.json files through Ledger's public functions.",
        epilog="Exits 1 if a case failed, an area is unknown, or there is no case at all.",
    )
    parser.add_argument("folder", type=_folder, metavar="DIR", help="the folder of case files")
    parser.add_argument(
        "--area", action="append", default=[], metavar="A",
        help="run the cases of this area only; may be given more than once",
    )  # fmt: skip  # one option reads best in three lines
    return parser.parse_args(arguments)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path


if __name__ == "__main__":
    sys.exit(main())
