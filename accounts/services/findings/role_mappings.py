"""Enabled role mappings that make administrators, of everyone or of some users, and those with nonexistent roles."""

from collections.abc import Iterable
from typing import Final

from accounts.services import role_mappings
from accounts.services.client import PersonClient
from accounts.services.findings.rows import Row
from accounts.services.role_mappings import Assessment

MAX_RULE_LENGTH: Final = 200  # the page of the role mapping has all of it


def find(client: PersonClient) -> dict[str, list[Row]]:
    """Up to five calls, whatever the number of role mappings. Raises AccessDenied without `read_security`."""
    return of_mappings(role_mappings.assess_all(client))


def of_mappings(assessed: Iterable[Assessment]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {"mapping-everyone": [], "mapping-administrators": [], "mapping-unknown-roles": []}
    for each in assessed:
        if each.is_administrator is not False:
            is_open = each.is_administrator and each.reach.is_everyone
            found["mapping-everyone" if is_open else "mapping-administrators"].append(_administrators(each))
        if each.unknown_roles and each.is_effective:
            found["mapping-unknown-roles"].append(_row(each, f"{_reach(each)}.", each.unknown_roles))
    return found


def _administrators(each: Assessment) -> Row:
    granting = tuple(dict.fromkeys(role for role, _ in each.escalations))
    known = "" if each.is_administrator else "Not known whether it makes administrators. "
    return _row(each, f"{known}{_reach(each)}. {'. '.join(each.how)}.", granting)


def _row(each: Assessment, details: str, granting: tuple[str, ...]) -> Row:
    return Row(each.mapping.name, "", details=details, roles=granting, ref=each.mapping.name)


def _reach(each: Assessment) -> str:
    """Whom it reaches; the rule, where the words alone don't say it."""
    if each.reach.kind not in ("some", "named"):
        return str(each.reach)
    rule = each.rule if len(each.rule) <= MAX_RULE_LENGTH else f"{each.rule[:MAX_RULE_LENGTH]}\u2026"
    return f"{each.reach}: {rule}"
