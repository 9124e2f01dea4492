"""A row as texts for people, which CSV and XLSX share, and back again."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row

NOTHING: Final = "(none)"
WORDS: Final = {True: "yes", False: "no", None: NO_INFORMATION}
LISTED_NAME: Final = re.compile(r' *("(?:[^"\\]|\\.)*"|[^,]+),?')
# What a spreadsheet takes for the beginning of a formula, also in full width; at the start of a cell, and behind whatever may
# begin another cell for a program that was told of another separator. The apostrophe is there so that ours can be told from theirs.
BEGINS_FORMULA: Final = re.compile("[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20](?<![^;|\t\r\n\"].)", re.DOTALL)
OUR_APOSTROPHE: Final = re.compile("'(?<![^;|\t\r\n\"].)(?=[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20])", re.DOTALL)

encode_json: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def texts(row: Row, unknown: str) -> list[str]:
    """What stands in the cells; `unknown` where the audit trail knows of no moment."""
    return [
        row.username,
        row.full_name or NOTHING,
        row.email or NOTHING,
        WORDS[row.enabled],
        WORDS[row.reserved],
        WORDS[row.deprecated],
        _listed(row.roles),
        _listed(row.unknown_roles),
        WORDS[row.may_change_users],
        NO_INFORMATION if row.living_api_keys is None else str(row.living_api_keys),
        moment(row.created) or unknown,
        moment(row.last_sign_in) or unknown,
        moment(row.password_changed) or unknown,
        encode_json(row.metadata) if row.metadata else "{}",
    ]


def row_of(cells: Sequence[str]) -> Row:
    """The row that has these texts. Raises ValueError for what is none."""
    return Row(*(READ[name](cell) for name, cell in zip(COLUMNS, cells, strict=True)))


def unknown_moment(trail_start: datetime | None) -> str:
    """The words for a moment that the trail does not know of."""
    return f"{NO_INFORMATION} (the audit trail begins {trail_start:%Y-%m-%d})" if trail_start else NO_INFORMATION


def moment(at: datetime | None) -> str:
    """UTC, to the second, as in 2026-11-24T15:01:02Z; "" for none."""
    return f"{at.isoformat()[:19]}Z" if at else ""


def moment_of(text: str) -> datetime | None:
    """What `moment` gave, or None for words. Raises ValueError."""
    return None if text.startswith(NO_INFORMATION) else datetime.fromisoformat(text).astimezone(UTC)


def guarded(text: str) -> str:
    """The text with an apostrophe before whatever could be taken for a formula."""
    return BEGINS_FORMULA.sub(r"'\g<0>", text)


def unguarded(text: str) -> str:
    """The text as it was before `guarded`."""
    return OUR_APOSTROPHE.sub("", text)


def _listed(names: Sequence[str]) -> str:
    """Names with commas between them; one that could be misread then is written as in JSON."""
    return ", ".join(name if "," not in name and name[:1] != '"' else encode_json(name) for name in names) or NOTHING


def _names(text: str) -> tuple[str, ...]:
    if text == NOTHING:
        return ()
    return tuple(json.loads(name) if name.startswith('"') else name for name in LISTED_NAME.findall(text))


def _text(text: str) -> str:
    return "" if text == NOTHING else text


def _is_yes(text: str) -> bool | None:
    return None if text == NO_INFORMATION else text == WORDS[True]


def _number(text: str) -> int | None:
    return None if text == NO_INFORMATION else int(text)


READ: Final[dict[str, Callable[[str], Any]]] = {
    "username": str,
    **dict.fromkeys(("full_name", "email"), _text),
    **dict.fromkeys(("enabled", "reserved", "deprecated", "may_change_users"), _is_yes),
    **dict.fromkeys(("roles", "unknown_roles"), _names),
    "living_api_keys": _number,
    **dict.fromkeys(("created", "last_sign_in", "password_changed"), moment_of),
    "metadata": json.loads,
}
