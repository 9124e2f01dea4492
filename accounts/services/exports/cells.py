"""A row as the text cells that CSV and XLSX share, and back."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services.exports.dialect import encode_json, join_names, split_names
from accounts.services.exports.rows import ADDED, COLUMNS, NO_INFORMATION, Row

NONE: Final = "(none)"
WORDS: Final = {True: "yes", False: "no", None: NO_INFORMATION}


def to_cells(row: Row, unknown: str) -> list[str]:
    """The cells; `unknown` where the audit trail has no event."""
    return [
        row.username,
        row.full_name or NONE,
        row.email or NONE,
        WORDS[row.enabled],
        WORDS[row.reserved],
        WORDS[row.deprecated],
        join_names(row.roles) or NONE,
        join_names(row.unknown_roles) or NONE,
        WORDS[row.can_manage_users],
        NO_INFORMATION if row.how is None else row.how or NONE,
        NO_INFORMATION if row.active_api_keys is None else str(row.active_api_keys),
        moment(row.created) or unknown,
        moment(row.last_sign_in) or unknown,
        moment(row.password_changed) or unknown,
        NO_INFORMATION if row.active_until is None else row.active_until or NONE,
        encode_json(row.metadata) if row.metadata else "{}",
    ]


def columns_of(heads: Sequence[str]) -> list[str]:
    """The names of the columns with these heads. Raises ValueError for those of something else."""
    names = [name for name, label in COLUMNS.items() if label in heads]
    if [COLUMNS[name] for name in names] != list(heads) or not ADDED.issuperset(COLUMNS.keys() - set(names)):
        raise ValueError("the columns are missing")
    return names


def from_cells(columns: Sequence[str], cells: Sequence[str]) -> Row:
    """The row with these cells; what its file doesn't have is None. Raises ValueError for anything else."""
    return Row(**{**dict.fromkeys(ADDED), **{name: READ[name](cell) for name, cell in zip(columns, cells, strict=True)}})


def unknown_moment(trail_start: datetime | None) -> str:
    """What stands for a time without an event."""
    return f"{NO_INFORMATION} (the audit trail starts on {trail_start:%Y-%m-%d})" if trail_start else NO_INFORMATION


def moment(at: datetime | None) -> str:
    """UTC, to the second, as in 2026-11-24T15:01:02Z; "" for None."""
    return f"{at.isoformat()[:19]}Z" if at else ""


def moment_of(text: str) -> datetime | None:
    """The time that `moment` got, or None for `unknown_moment`. Raises ValueError."""
    return None if text.startswith(NO_INFORMATION) else datetime.fromisoformat(text).astimezone(UTC)


def _names(text: str) -> tuple[str, ...]:
    return () if text == NONE else split_names(text)


def _text(text: str) -> str:
    return "" if text == NONE else text


def _is_yes(text: str) -> bool | None:
    return None if text == NO_INFORMATION else text == WORDS[True]


def _known_text(text: str) -> str | None:
    return None if text == NO_INFORMATION else _text(text)


def _number(text: str) -> int | None:
    return None if text == NO_INFORMATION else int(text)


READ: Final[dict[str, Callable[[str], Any]]] = {
    "username": str,
    **dict.fromkeys(("full_name", "email"), _text),
    **dict.fromkeys(("enabled", "reserved", "deprecated", "can_manage_users"), _is_yes),
    **dict.fromkeys(("roles", "unknown_roles"), _names),
    "active_api_keys": _number,
    **dict.fromkeys(("created", "last_sign_in", "password_changed"), moment_of),
    **dict.fromkeys(("how", "active_until"), _known_text),
    "metadata": json.loads,
}
