"""The lines of a file as users, each checked; all problems are found, not only the first.

A column that is absent and a cell that is empty leave the field as it is. `(none)`, in NDJSON null, empties it.
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, BinaryIO, Final

from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from accounts.services.client import strict_json
from accounts.services.exports import COLUMNS, NO_INFORMATION, cells, dialect
from accounts.services.exports.workbook import TOO_LONG
from accounts.services.imports import files, workbook
from accounts.services.imports.files import MAX_FILE_SIZE, MAX_USERS, Record, UnreadableFile
from accounts.services.passwords import policy
from accounts.services.users import User, end_dates
from accounts.services.users.validation import validate_email, validate_username

LABELS: Final = {**COLUMNS, "password": "Password", "password_hash": "Password hash"}
SECRETS: Final = ("password", "password_hash")
FIELDS: Final = ("full_name", "email", "enabled", "roles", "active_until", "metadata")
YES: Final = frozenset({"yes", "true", "1", "active", "ja", "wahr", "aktiv"})
NO: Final = frozenset({"no", "false", "0", "deactivated", "inactive", "nein", "falsch", "inaktiv"})
# What Elasticsearch takes, by the start of the hash: bcrypt as $2a$, and PBKDF2 with a salt.
HASH: Final = re.compile(r"\$2a\$\d\d\$[./A-Za-z0-9]{53}|\{PBKDF2(_STRETCH)?\}\d+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+")
# A cell with a date is the number of days since one in 1899. From 2000 on, so that a year such as 2026 isn't one.
DATE_CELL: Final = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
MILLENNIUM: Final = date(2000, 1, 1)
GERMAN_DATE: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a line. A warning doesn't keep the file from being imported."""

    line: int
    column: str
    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A user as far as the file says; `fields` has those of FIELDS that it has. `is_built_in`: as an export says."""

    number: int
    username: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    password: str = field(default="", repr=False)
    password_hash: str = field(default="", repr=False)
    is_built_in: bool = False


@dataclass(frozen=True)
class Contents:
    """The lines, and the problems in their order. With errors, the lines are incomplete."""

    lines: Sequence[Line]
    problems: Sequence[Problem]

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if not problem.is_warning]

    @property
    def warnings(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.is_warning]


@sensitive_variables()
def read(file: BinaryIO, format: str = "") -> Contents:
    """All lines, checked. `format`: what the file must be; it is recognized by its content. Raises UnreadableFile."""
    size = files.size_of(file)
    if size > MAX_FILE_SIZE:
        raise UnreadableFile(f"The file is larger than {MAX_FILE_SIZE >> 20} MB.")
    if not size:
        raise UnreadableFile("The file is empty.")
    reader = _Reader()
    with files.unreadable_if_damaged():
        _read(file, format, reader)
    if not reader.lines and not reader.problems:
        raise UnreadableFile("The file has no users.")
    _check_names(reader)
    return Contents(reader.lines, sorted(reader.problems, key=lambda problem: problem.line))


def _read(file: BinaryIO, format: str, reader: "_Reader") -> None:
    start = file.read(len(files.ZIP_START))
    file.seek(0)
    data = b""
    if start == files.ZIP_START:
        with zipfile.ZipFile(file) as archive:
            if files.WORKBOOK in archive.namelist():
                files.require_format("xlsx", format)
                return reader.table(workbook.records(archive), first_day=workbook.first_day(archive))
            data = files.data_of_export(archive)
    text = files.decode(data or file.read())
    if files.is_ndjson(text):
        files.require_format("ndjson", format)
        return reader.documents(files.ndjson_records(text))
    files.require_format("csv", format)
    return reader.table(files.csv_records(text), dialect.unescape_formula)


class _Reader:
    """Collects lines and problems."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.problems: list[Problem] = []
        self._line = 0
        self._column = ""

    def error(self, text: str, column: str | None = None) -> None:
        self.problems.append(Problem(self._line, self._column if column is None else column, text))

    def warn(self, text: str) -> None:
        self.problems.append(Problem(self._line, self._column, text, is_warning=True))

    def table(self, records: Iterator[Record], unescape: Callable[[str], str] = str, first_day: date | None = None) -> None:
        """`unescape`: what exports escape. They have no passwords, so these are taken as they are. `first_day`: of a workbook."""
        reading = FROM_CELL | ({"active_until": partial(_date_cell, first_day)} if first_day else {})
        head = next((record for record in records if not record.is_empty), None)
        if head is None:
            return
        self._line = head.line
        columns = self._columns(head.cells or [])
        if self.problems:  # each line would have the same ones
            return
        for record in self._filled(records):
            if record.problem:
                self.error(record.problem, "")
            elif any((record.cells or [])[len(columns) :]):
                self.error(f"This line has more than {len(columns)} cells.", "")
            else:
                named = zip(columns, record.cells or [], strict=False)
                filled = {name: cell if name in SECRETS else unescape(cell) for name, cell in named if cell != ""}
                self._add(filled, reading)

    def documents(self, records: Iterator[Record]) -> None:
        for record in self._filled(records):
            if record.document is None:
                self.error(record.problem, "")
                continue
            for name in record.document:
                if name not in LABELS:
                    self.error("This field isn't known.", str(name)[:100])
            known = {name: value for name, value in record.document.items() if name in LABELS}
            self._add(known, FROM_JSON)

    def _filled(self, records: Iterator[Record]) -> Iterator[Record]:
        number = 0
        for record in records:
            if record.is_empty:
                continue
            number += 1
            if number > MAX_USERS:
                raise UnreadableFile(f"The file has more than {MAX_USERS:,} users. Split it into several files.")
            self._line, self._column = record.line, ""
            yield record

    def _columns(self, heads: Sequence[str]) -> list[str]:
        """The names of the columns; a problem for each that isn't known, or there twice."""
        known = {text.casefold(): name for name, label in LABELS.items() for text in (name, label)}
        names: list[str] = []
        if known.keys().isdisjoint(head.strip().casefold() for head in heads):  # a user, maybe with a password, which isn't shown
            self.error("The first line must have the names of the columns, such as Username.", "")
            return names
        for head in _without_empty_end(heads):
            name = known.get(head.strip().casefold(), "")
            if not name:
                self.error("This column isn't known." if head.strip() else "This column has no name.", head.strip()[:100])
            elif name in names:
                self.error("This column is there twice.", head.strip())
            names.append(name)
        if "username" not in names:
            self.error("The column Username is missing.", "")
        return names

    @sensitive_variables()
    def _add(self, values: Mapping[str, Any], read: Mapping[str, Callable[[Any], Any]]) -> None:
        found: dict[str, Any] = {}
        for name, value in values.items():
            if name not in read:
                continue
            self._column = LABELS[name]
            try:
                found[name] = read[name](value)
            except (ValueError, RecursionError) as exc:
                self.error(str(exc))
        found = {name: value for name, value in found.items() if value is not None}
        is_built_in = found.pop("reserved", False)
        self._check(found, is_built_in)
        fields = {name: value for name, value in found.items() if name in FIELDS}
        secrets = found.get("password", ""), found.get("password_hash", "")
        self.lines.append(Line(self._line, found.get("username", ""), fields, *secrets, is_built_in=is_built_in))

    @sensitive_variables()
    def _check(self, found: Mapping[str, Any], is_built_in: bool) -> None:
        self._column = LABELS["username"]
        username = found.get("username", "")
        if not found.get("username", "-" if self._has_problem() else ""):
            self.error("The username is missing.")
        elif username:
            self._apply(validate_username, username)
        if email := found.get("email"):
            self._column = LABELS["email"]
            try:
                validate_email(email)
            except ValidationError:
                self.warn("This doesn't look like an email address.")
        self._column = LABELS["metadata"]
        if any(key.startswith("_") for key in found.get("metadata", ())) and not is_built_in:
            self.error("Only Elasticsearch can set keys that start with “_”.")
        password, password_hash = found.get("password"), found.get("password_hash")
        self._column = LABELS["password"]
        if password and password_hash:
            self.error("This line has both a password and a password hash.")
        elif password:
            user = User(username, found.get("full_name", ""), found.get("email", ""))
            self._apply(lambda text: policy.validate(text, user), password)
        elif password_hash and not HASH.fullmatch(password_hash):
            self.error("This isn't a hash that Elasticsearch accepts: bcrypt ($2a$) or PBKDF2.", LABELS["password_hash"])

    def _has_problem(self) -> bool:
        """Whether this cell has one already."""
        return bool(self.problems) and (self.problems[-1].line, self.problems[-1].column) == (self._line, self._column)

    @sensitive_variables()
    def _apply(self, validate: Callable[[str], None], text: str) -> None:
        try:
            validate(text)
        except ValidationError as exc:
            for message in exc.messages:
                self.error(message)


def _check_names(reader: _Reader) -> None:
    """Doubles, and names that differ only in case, which are other users for Elasticsearch."""
    seen: dict[str, Line] = {}
    for line in reader.lines:
        reader._line, reader._column = line.number, LABELS["username"]
        if not line.username:
            continue
        other = seen.setdefault(line.username.lower(), line)
        if other is line:
            continue
        if other.username == line.username:
            reader.error(f"This user is already in line {other.number}.")
        else:
            reader.warn(f"Differs only in case from “{other.username}” in line {other.number}.")


def _without_empty_end(cells: Sequence[str]) -> Sequence[str]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("This must be a text.")
    if NOT_TEXT.search(value):
        raise ValueError("This has characters that aren't text.")
    if value.startswith(TOO_LONG):
        raise ValueError("The text was too long for a cell when the file was exported. Use CSV or NDJSON.")
    return value


def _emptied(text: str) -> str:
    text = _text(text)
    return "" if text == cells.NONE else text


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in YES | NO:
        raise ValueError("This must be “yes” or “no”.")
    return word in YES


def _roles(text: str) -> list[str]:
    if _text(text).strip() == cells.NONE:
        return []
    try:
        names = dialect.split_names(text.strip())
    except ValueError:
        raise ValueError("The list of roles can't be read. Separate names with commas, and quote a name that has one.") from None
    return _names(list(names))


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError("This must be a list of role names.")
    return list(dict.fromkeys(_text(name) for name in value))


def _metadata(text: str) -> dict[str, Any]:
    if _text(text) == cells.NONE:
        return {}
    try:
        found = strict_json.parse(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"This isn't valid JSON: {exc}.") from None
    return _object(found)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("This must be a JSON object.")
    _require_text(value)
    return value


def _require_text(value: Any) -> None:
    """At every depth. Raises ValueError, RecursionError."""
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, dict | list):
        parts: Iterable[Any] = [*value, *value.values()] if isinstance(value, dict) else value
        for part in parts:
            _require_text(part)


def _end_date(text: str) -> str | None:
    """As YYYY-MM-DD, also of 31.12.2026, which a German Excel makes of it; "" for none, None for a value that isn't known."""
    text = _text(text).strip()
    if text in (cells.NONE, NO_INFORMATION):
        return "" if text == cells.NONE else None
    day, month, year = found.groups() if (found := GERMAN_DATE.fullmatch(text)) else ("", "", "")
    end = end_dates.parse(f"{year}-{month:0>2}-{day:0>2}" if found else text)
    if end is None:
        raise ValueError("This must be a date, such as 2026-12-31.")
    return end.isoformat()


def _date_cell(first_day: date, text: str) -> str | None:
    """Excel and LibreOffice make a date of what looks like one, also when they open a CSV file."""
    if found := DATE_CELL.fullmatch(text):
        day = first_day + timedelta(days=int(found[1]))
        text = day.isoformat() if day >= MILLENNIUM else text
    return _end_date(text)


def _json_boolean(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError("This must be true or false.")
    return value


FROM_CELL: Final[dict[str, Callable[[str], Any]]] = {
    "username": _text,
    "full_name": _emptied,
    "email": _emptied,
    "enabled": _boolean,
    "reserved": _boolean,
    "roles": _roles,
    "active_until": _end_date,
    "metadata": _metadata,
    "password": _text,
    "password_hash": lambda text: _text(text).strip(),
}
FROM_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "username": _text,
    "full_name": lambda value: "" if value is None else _text(value),
    "email": lambda value: "" if value is None else _text(value),
    "enabled": _json_boolean,
    "reserved": _json_boolean,
    "roles": lambda value: [] if value is None else _names(value),
    "active_until": lambda value: "" if value is None else _end_date(value),
    "metadata": lambda value: None if value is None else _object(value),
    "password": lambda value: None if value is None else _text(value),
    "password_hash": lambda value: None if value is None else _text(value).strip(),
}
