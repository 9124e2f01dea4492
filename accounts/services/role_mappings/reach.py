"""Whom a rule reaches: everyone, everyone in some realms, only the users that it names, nobody, or users of whom that isn't known.

A rule is evaluated for a user of whom only the realm is known: in each realm that it names, in those that match each of its
patterns, and in any other. What depends on groups, metadata, or a part of a name is neither true nor false, but unknown (None).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from accounts.services.role_mappings.rules import MAX_DEPTH, Rule, is_any_text, is_pattern, values_of
from accounts.services.roles import patterns

# The default names of the realms whose users don't have their roles from mappings. Another realm can have such a name.
INTERNAL_REALMS: Final = frozenset({"reserved", "default_native", "default_file"})


class Place(NamedTuple):
    """A realm by its name, the realms that match a pattern, or all that the rule doesn't name ("")."""

    realm: str
    is_pattern: bool = False


OTHER: Final = Place("")


@dataclass(frozen=True, slots=True)
class Reach:
    """`realms`: those in which it reaches everyone, or for `others`, those in which that isn't certain.

    `has_exceptions`: but for users that the rule names.
    """

    kind: Literal["everyone", "realms", "others", "some", "named", "internal", "nobody"]
    realms: tuple[str, ...] = ()
    has_exceptions: bool = False

    @property
    def is_everyone(self) -> bool:
        """Whether it is certain that it reaches everyone in at least one realm."""
        return self.kind in ("everyone", "realms", "others")

    def __str__(self) -> str:
        names = " and ".join([", ".join(self.realms[:-1])] * (len(self.realms) > 1) + list(self.realms[-1:]))
        realms = f"the realm{'s' if len(self.realms) > 1 else ''} {names}"
        except_named = ", except users that the rule names" if self.has_exceptions else ""
        return {
            "everyone": f"Everyone in all external realms{except_named}",
            "realms": f"Everyone in {realms}{except_named}",
            "others": f"Everyone in external realms other than {names}{except_named}",
            "some": "Users who match the rule",
            "named": "Only users that the rule names",
            "internal": f"No users, if {realms} {'have' if len(self.realms) > 1 else 'has'} native, built-in, or file users",
            "nobody": "No users",
        }[self.kind]


def of(rule: Rule) -> Reach:
    places = [*dict.fromkeys(_places(rule)), OTHER]
    everyone = {place: _holds(rule, place, is_named=False) for place in places}
    anyone = {place: _holds(rule, place, is_named=None) for place in places}
    external = [place for place in places if place.realm not in INTERNAL_REALMS]
    reached = [place for place in external if everyone[place]]
    if reached:
        missed = tuple(place.realm for place in external if not everyone[place])
        kind: Any = "realms" if OTHER not in reached else "others" if missed else "everyone"
        realms = missed if kind == "others" else tuple(place.realm for place in reached if kind == "realms")
        return Reach(kind, realms, has_exceptions=any(anyone[place] is not True for place in reached))
    if all(anyone[place] is False for place in external):
        internal = tuple(place.realm for place in places if place not in external and anyone[place] is not False)
        return Reach("internal", internal) if internal else Reach("nobody")
    return Reach("named" if all(everyone[place] is False for place in external) else "some")


def _places(rule: Rule, depth: int = 0) -> Iterable[Place]:
    if depth > MAX_DEPTH:
        return
    match rule:
        case {"all": list(parts)} | {"any": list(parts)}:
            for part in parts:
                yield from _places(part, depth + 1)
        case {"except": part}:
            yield from _places(part, depth + 1)
        case {"field": {"realm.name": value}}:
            texts = [each for each in values_of(value) if isinstance(each, str) and not is_any_text(each)]
            yield from (Place(text, is_pattern(text)) for text in texts)


def _holds(rule: Rule, place: Place, *, is_named: bool | None, depth: int = 0) -> bool | None:
    """Whether the rule is true for every user there, or false for every user. `is_named`: whether the rule names the user."""
    if depth > MAX_DEPTH:
        return None
    match rule:
        case {"all": list(parts)}:
            return _all(_holds(part, place, is_named=is_named, depth=depth + 1) for part in parts)
        case {"any": list(parts)}:
            return _any(_holds(part, place, is_named=is_named, depth=depth + 1) for part in parts)
        case {"except": part}:
            return _not(_holds(part, place, is_named=is_named, depth=depth + 1))
        case {"field": {**field}} if len(field) == 1:
            name, value = next(iter(field.items()))
            return _any(_matches(str(name), each, place, is_named) for each in values_of(value))
    return None


def _matches(name: str, value: object, place: Place, is_named: bool | None) -> bool | None:
    if name.startswith("metadata."):
        return None
    if name not in ("username", "dn", "groups", "realm.name"):
        return value is None  # Elasticsearch knows no other fields: they have no value
    if value is None:
        return None if name == "dn" else False  # not every realm has distinguished names
    if not isinstance(value, str):
        return False
    if name == "realm.name":
        return _matches_realm(value, place)
    if name == "username" and is_any_text(value):
        return True
    return None if name == "groups" or is_pattern(value) else is_named


def _matches_realm(value: str, place: Place) -> bool | None:
    if is_any_text(value) or value == place.realm:
        return True
    if place == OTHER:
        return False
    if is_pattern(value):
        return None if place.is_pattern else patterns.matches(value, place.realm)
    return False if not place.is_pattern or patterns.matches(place.realm, value) is False else None


def _all(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return False if False in found else None if None in found else True


def _any(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return True if True in found else None if None in found else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
