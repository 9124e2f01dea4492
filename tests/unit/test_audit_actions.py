"""Actions and reasons of the audit trail: each has a label, is in the filter, and is documented."""

import re
from collections.abc import Iterator
from pathlib import Path

from accounts.forms.audit import AuditForm
from accounts.services import errors
from accounts.services.audit.actions import REASONS, Action, action_label

DOCS = Path(__file__).parents[2] / "docs/audit.md"


def documented() -> dict[str, str]:
    """Action and label of each row of the table."""
    found: dict[str, str] = {}
    for line in DOCS.read_text().splitlines():
        cells = line.strip("|").split("|")
        names = re.findall(r"`([a-z-]+)`", cells[0])
        if len(cells) == 4 and names and "event.action" not in cells[0]:
            found |= dict(zip(names, cells[1].strip().split(", "), strict=True))
    return found


def test_every_action_is_documented_with_its_label() -> None:
    assert documented() == {action.value: action.label for action in Action}


def test_the_filter_has_every_action() -> None:
    choices = dict(AuditForm().fields["action"].choices)  # type: ignore[attr-defined]
    assert choices == {"": "Any", **{action.value: action.label for action in Action}}
    assert AuditForm({"action": "review-sign-off"}).query().action == Action.REVIEW_SIGN_OFF


def test_action_labels_are_unique_with_a_fallback() -> None:
    labels = [action.label for action in Action]
    assert len(set(labels)) == len(labels)
    assert action_label("of-a-later-version") == "of-a-later-version"


def subclasses(error: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    yield error
    for each in error.__subclasses__():
        yield from subclasses(each)


def test_every_error_has_a_unique_code_and_a_label() -> None:
    codes = [error.code for error in subclasses(errors.ServiceError)]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= REASONS.keys()
