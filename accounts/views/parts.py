"""Parts of a page that are loaded independently: one that can't be loaded doesn't affect the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.errors import AccessDenied, AuthenticationFailed, ServiceError

NOT_LOADED: Final = "Couldn't load this. Reload the page to try again."


@dataclass(frozen=True)
class Part:
    """A part of a page: its value, or the problem of loading it."""

    value: Any = None
    problem: str = ""


def load(read: Callable[[], object], denied: str, problem_of: Callable[[ServiceError], str] = lambda exc: "") -> Part:
    """`denied`: the problem if the operator lacks the privilege. `problem_of`: that of an error for which there is a better one.

    Raises AuthenticationFailed, which affects the whole page.
    """
    try:
        return Part(read())
    except AuthenticationFailed:
        raise
    except ServiceError as exc:
        return Part(problem=problem_of(exc) or (denied if isinstance(exc, AccessDenied) else NOT_LOADED))
