"""The dialect of all CSV files of usermgmt: UTF-8 for spreadsheets, no formulas, and lists of names that can be read back."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

# What starts another cell, by the name of the format. Excel expects a semicolon where numbers have a decimal comma.
SEPARATORS: Final = {"csv": ",", "csv-semicolon": ";"}
BOM: Final = "\ufeff"  # without it, a spreadsheet takes UTF-8 for something else
MAX_FIELD_LENGTH: Final = 1 << 24
UNQUOTED_NAME: Final = re.compile(r'(?![\s"])[^,]+(?<!\s)')
LISTED_NAME: Final = re.compile(r' *("(?:[^"\\]|\\.)*"|[^,]+),?')
# What a spreadsheet takes for the start of a formula, also in full width: at the start of a cell, and after whatever starts another
# cell for a program that expects another separator. The apostrophe is included, so an added one differs from one in the text.
FORMULA_START: Final = re.compile("[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20](?<![^,;|\t\r\n\"].)", re.DOTALL)
ADDED_APOSTROPHE: Final = re.compile("'(?<![^,;|\t\r\n\"].)(?=[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20])", re.DOTALL)

encode_json: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def lines(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """Rows as CSV, with escaped formulas."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(map(_escaped, rows))
    return text.getvalue()


def read(text: io.TextIOBase) -> Iterator[list[str]]:
    """The rows of `lines`; the first one, without text of users, shows the separator. Raises csv.Error."""
    csv.field_size_limit(MAX_FIELD_LENGTH)
    found = text_lines(text)
    first = next(found, "")
    separator = max(SEPARATORS.values(), key=first.count)
    for row in csv.reader(chain([first], found), delimiter=separator):
        yield [unescape_formula(cell) for cell in row]


def text_lines(text: io.TextIOBase) -> Iterator[str]:
    """The lines of a file. Raises ValueError for one that no export has and that would fill the memory."""
    while line := text.readline(MAX_FIELD_LENGTH):
        if len(line) == MAX_FIELD_LENGTH:
            raise ValueError("a line is too long")
        yield line


def join_names(names: Iterable[str]) -> str:
    """Names separated by commas; a name that couldn't be read back is written as JSON."""
    return ", ".join(name if UNQUOTED_NAME.fullmatch(name) else encode_json(name) for name in names)


def split_names(text: str) -> tuple[str, ...]:
    """The names that `join_names` got."""
    return tuple(json.loads(name) if name.startswith('"') else name for name in LISTED_NAME.findall(text))


def escape_formula(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet could take for a formula."""
    return FORMULA_START.sub(r"'\g<0>", text)


def unescape_formula(text: str) -> str:
    """The text that `escape_formula` got."""
    return ADDED_APOSTROPHE.sub("", text)


def _escaped(cells: Sequence[str]) -> Sequence[str]:
    """Hardly any row needs it, and one search tells."""
    return [escape_formula(cell) for cell in cells] if FORMULA_START.search(";".join(cells)) else cells
