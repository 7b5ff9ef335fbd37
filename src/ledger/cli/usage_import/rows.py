"""Rows: what a file holds, one at a time, each with its line number. Memory does not grow.

A row that cannot be read is a `BadRow`, so that the others can; a file that is not of its format
at all is Invalid.
"""

import codecs
import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO, Literal, NamedTuple, TypeGuard

from ledger.types.errors import Invalid

Format = Literal["csv", "jsonl", "json"]
Values = dict[str, Any]

LINE_BYTES_MAX = 1_000_000
_CHUNK_BYTES = 65_536
_LONG_NUMBER = 100
_EXTENSIONS: dict[str, Format] = {
    "csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "json",
}  # fmt: skip  # a list of names reads best as one


class Row(NamedTuple):
    """The fields of one row, by name, and the line on which it begins."""

    line: int
    values: Values


class BadRow(NamedTuple):
    """A row that cannot be read, and why."""

    line: int
    reason: str


def format_of(name: str, head: bytes) -> Format:
    """The format of a file: by the extension of its name, else by how it begins."""
    extension = name.rpartition(".")[2].lower()
    if extension in _EXTENSIONS:
        return _EXTENSIONS[extension]
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip()
    match begin[:1]:
        case b"[":
            return "json"
        case b"{":
            # Objects of a line each, or one that is spread over many.
            return "jsonl" if begin.partition(b"\n")[0].rstrip().endswith(b"}") else "json"
        case _:
            return "csv"


def read(stream: BinaryIO, format: Format) -> Iterator[Row | BadRow]:
    """The rows of a file, one at a time.

    Raises Invalid (`bad_file`) where it stops being a file of that format.
    """
    match format:
        case "csv":
            return _csv(stream)
        case "jsonl":
            return _json_lines(stream)
        case "json":
            return _json_values(stream)


def _csv(stream: BinaryIO) -> Iterator[Row | BadRow]:
    csv.field_size_limit(LINE_BYTES_MAX)
    lines = _lines(stream)
    head = next(lines, "")
    reader = csv.reader(chain([head], lines), delimiter=_delimiter(head), strict=True)
    names = _header(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield BadRow(line, f"it is not readable as CSV: {error}")
            continue
        if cells is None:
            return
        if cells:
            yield _csv_row(line, names, cells)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        names = [name.strip() for name in next(reader, list[str]())]
    except csv.Error:
        names = []
    if not all(name.isprintable() and name for name in names) or not names:
        raise Invalid("the file does not begin with a line of column names", code="bad_file")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"the header names {', '.join(doubled)} twice", code="bad_file")
    return names


def _csv_row(line: int, names: list[str], cells: list[str]) -> Row | BadRow:
    if len(cells) != len(names):
        return BadRow(line, f"it has {len(cells)} fields where the header has {len(names)}")
    if any(_is_mangled(cell) for cell in cells):
        return BadRow(line, "it is not UTF-8 text")
    return Row(line, dict(zip(names, cells, strict=True)))


def _delimiter(head: str) -> str:
    """A comma, unless the header shows that it is a semicolon or a tab."""
    return max(",;\t", key=lambda sign: (head.count(sign), sign == ","))


def _json_lines(stream: BinaryIO) -> Iterator[Row | BadRow]:
    for line, text in enumerate(_lines(stream), start=1):
        if text.strip():
            yield _json_row(line, text)


def _json_row(line: int, text: str) -> Row | BadRow:
    if _is_mangled(text):
        return BadRow(line, "it is not UTF-8 text")
    try:
        return _object(line, _DECODER.decode(text.strip()))
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"it is not JSON: {error}")


def _json_values(stream: BinaryIO) -> Iterator[Row | BadRow]:
    """The objects of an array, or one after another without one."""
    text = _Text(stream)
    in_array = text.skip_space() == "["
    if in_array:
        text.drop(1)
    while sign := text.skip_space():
        if in_array and sign == "]":
            return
        if in_array and sign == ",":
            text.drop(1)
            continue
        line = text.line
        yield _object(line, text.value())
    if in_array:
        raise Invalid("the file ends inside its JSON array", code="bad_file")


def _object(line: int, value: object) -> Row | BadRow:
    if not is_object(value):
        return BadRow(line, f"it is a JSON {type(value).__name__}, not an object")
    return Row(line, value)


def is_object(value: object) -> TypeGuard[Values]:
    """Whether a value read from JSON is an object; its names are text then."""
    return isinstance(value, dict)


def _whole(text: str) -> int | Decimal:
    """A whole number; one of thousands of digits is left to be refused as a quantity."""
    return int(text) if len(text) < _LONG_NUMBER else Decimal(text)


# Exact numbers; NaN and Infinity too are left to be refused as quantities.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=_whole, parse_constant=Decimal)


def _is_mangled(text: str) -> bool:
    """Whether it holds bytes that are not UTF-8; they were read as lone surrogates."""
    return not text.isascii() and any("\udc80" <= sign <= "\udcff" for sign in text)


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a stream as text. One that does not end is refused."""
    number = 0
    while raw := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(raw) > LINE_BYTES_MAX:
            raise Invalid(f"line {number} is longer than {LINE_BYTES_MAX:,} bytes", code="bad_file")
        yield raw.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")


class _Text:
    """JSON text that is read in chunks and let go of value by value."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text, self._position, self._ended = "", 0, False
        self.line = 1

    def skip_space(self) -> str:
        """Pass over white space; the sign that follows, or nothing at the end."""
        while True:
            while (sign := self._text[self._position : self._position + 1]) and sign in " \t\r\n":
                self.drop(1)
            if sign or not self._more():
                return sign

    def drop(self, length: int) -> None:
        """Pass over so many signs."""
        self.line += self._text.count("\n", self._position, self._position + length)
        self._position += length

    def value(self) -> object:
        """The JSON value that begins here. Cut off, it is not JSON yet, and more is read."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._position < LINE_BYTES_MAX and self._more():
                    continue
                raise Invalid(
                    f"what begins on line {self.line} is not JSON: {error}", code="bad_file"
                ) from None
            self.drop(end - self._position)
            return value

    def _more(self) -> bool:
        """Read on, and forget what was passed over; False at the end."""
        if self._ended:
            return False
        chunk = self._stream.read(_CHUNK_BYTES)
        self._ended = not chunk
        self._text = self._text[self._position :] + self._decoder.decode(chunk, self._ended)
        self._position = 0
        return True
