"""Docstrings as Markdown: their sections become lists."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise

_SECTION = re.compile(r"^(Args|Raises|Returns):$")
_ITEM = re.compile(r"^    (\*{0,2}\w+(?:, \w+)*): (.*)$")


def as_markdown(text: str) -> str:
    """A docstring with its `Args:`, `Raises:` and `Returns:` as headed lists."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if _SECTION.match(line):
            lines += [f"**{line.rstrip(':')}**", ""]
            inside = True
        elif inside and (item := _ITEM.match(line)):
            lines.append(f"- `{item[1]}`: {item[2]}")
        elif inside and line.startswith("    "):
            lines.append(
                f"  {line.strip()}" if lines[-1].startswith(("- ", "  ")) else line.strip()
            )
        else:
            inside = inside and not line
            lines.append(line)
    return "\n".join(lines)


def fields(owner: type) -> Iterator[tuple[str, str]]:
    """The fields of a class and the docstrings that stand below them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
                raise SystemExit(f"{owner.__name__}.{field.target.id} has no docstring")
            yield field.target.id, str(below.value.value)
