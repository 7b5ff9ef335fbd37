"""Every relative link of the documents leads somewhere: to a file, and to a heading in it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//")


def broken_links(document: Path) -> list[str]:
    """The relative links of `document` that lead nowhere, as they are written."""
    return [link for link in _links(document) if not _leads(document, link)]


def _links(document: Path) -> Iterator[str]:
    for token in _tokens(document):
        target = token.attrGet("href") or token.attrGet("src")
        if isinstance(target, str) and not ELSEWHERE.match(target):
            yield target


def _leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(document: Path) -> set[str]:
    """What the headings of a document are called in links: `## Two faces` is `#two-faces`."""
    tokens = MarkdownIt().parse(document.read_text("utf-8"))
    titles = (
        re.sub(r"[`*]", "", title.content)
        for heading, title in pairwise(tokens)
        if heading.type == "heading_open"
    )
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def _tokens(document: Path) -> Iterator[Token]:
    for block in MarkdownIt().enable("table").parse(document.read_text("utf-8")):
        yield from block.children or ()


def _documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", _documents(), ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Two `faces`, one source\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#two-faces-one-source) [c](gone.md) [d](other.md#gone)\n"
        "| table |\n|---|\n| [e](gone-too.md) |\n\n"
        "[f](https://example.com) `[g](code.md)` [h]\n\n[h]: never.md\n\n"
        "```\n[i](fenced.md)\n```\n",
        "utf-8",
    )
    assert broken_links(page) == ["gone.md", "other.md#gone", "gone-too.md", "never.md"]
