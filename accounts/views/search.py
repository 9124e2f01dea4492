"""The global search: a page, or the options of the search field in the header."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.decorators import requires_sign_in
from accounts.forms.search import SearchForm
from accounts.http import AppRequest, wants_fragment
from accounts.services import search as service
from accounts.services.client import PersonClient
from accounts.services.errors import AuthenticationFailed, SearchNotAllowed, ServiceError
from accounts.services.roles import Role
from accounts.services.search.ranking import Fit, words_of
from accounts.services.signin.operators import Operator
from accounts.services.users import User
from accounts.views import palette

Thing = TypeVar("Thing")
# Users and roles each; their lists show all.
MAX_RESULTS: Final = 5


@dataclass(frozen=True)
class Result:
    """A link to a page, user, or role. `details`: texts about it; `note`: its badge."""

    fit: Fit
    title: str
    url: str
    icon: str
    details: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Results of one kind, and the URL of the list with all of them."""

    name: str
    heading: str
    results: Sequence[Result] = field(default=())
    more: str = ""


@require_GET
@requires_sign_in
def search(request: AppRequest) -> HttpResponse:
    """The matching pages, actions, users, and roles that the operator can open."""
    text = SearchForm(request.GET).query()
    groups, failed, not_allowed = _find(request.user, text)
    context = {
        "search_text": text,
        "words": words_of(text),
        "groups": groups,
        "failed": failed,
        "not_allowed": not_allowed,
        "count": sum(len(group.results) for group in groups),
    }
    is_fragment = wants_fragment(request, "search-results")
    return render(request, "search/_options.html" if is_fragment else "search/page.html", context)


def _find(operator: Operator, text: str) -> tuple[list[Group], list[str], list[str]]:
    """The groups, the one with the best result first, and the names of those that couldn't be read or searched."""
    words = words_of(text)
    groups, failed, not_allowed = _pages(operator, words), [], []
    for name, find in PARTS.items() if words and operator.can_read else ():
        try:
            groups.append(find(operator.client, words, text))
        except AuthenticationFailed:
            raise
        except SearchNotAllowed:
            not_allowed.append(name)
        except ServiceError:
            failed.append(name)
    return sorted((group for group in groups if group.results), key=lambda group: group.results[0].fit), failed, not_allowed


def _pages(operator: Operator, words: Sequence[str]) -> list[Group]:
    found = palette.find(operator, words)
    results = [(page.is_action, Result(how, page.title, page.url, page.icon, page.description)) for how, page in found]
    return [
        Group("pages", "Pages", [result for is_action, result in results if not is_action]),
        Group("actions", "Actions", [result for is_action, result in results if is_action]),
    ]


def _users(client: PersonClient, words: Sequence[str], text: str) -> Group:
    found = service.find_users(client, words, MAX_RESULTS + 1)
    return _group("users", found, _user, text)


def _roles(client: PersonClient, words: Sequence[str], text: str) -> Group:
    found = service.find_roles(client, words, MAX_RESULTS + 1)
    return _group("roles", found, _role, text)


PARTS: Final = {"users": _users, "roles": _roles}


def _group(name: str, found: Sequence[tuple[Fit, Thing]], result: Callable[[Fit, Thing], Result], text: str) -> Group:
    more = f"{reverse(name)}?{urlencode({'q': text})}" if len(found) > MAX_RESULTS else ""
    return Group(name, name.capitalize(), [result(how, thing) for how, thing in found[:MAX_RESULTS]], more)


def _user(how: Fit, user: User) -> Result:
    details = [text for text in (user.full_name, user.email) if text]
    note = "" if user.enabled else "Deactivated"
    return Result(how, user.username, reverse("user_edit", args=[user.username]), "user", details, note or _note(user))


def _role(how: Fit, role: Role) -> Result:
    return Result(
        how,
        role.name,
        reverse("role", args=[role.name]),
        "shield-check",
        [role.description] if role.description else [],
        _note(role),
    )


def _note(thing: User | Role) -> str:
    if thing.is_deprecated:
        return "Deprecated"
    return "Reserved" if thing.is_reserved else ""
