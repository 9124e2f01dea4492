"""What a view declares: who can open it, and what it asks of a session. They stack with `require_GET` as `login_required` does.

A view without an access declaration is refused (accounts.E001, and OperatorMiddleware). A view that needs no sign-in declares
Django's `login_not_required`. What may be done to one particular user is `policy.demand`, in the view.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import policy
from accounts.http import AppRequest
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# `X-By-Itself`, for `hx-headers` of what a page asks for by itself, where the same view answers a person too.
BY_ITSELF: Final = "HTTP_X_BY_ITSELF"


def requires_reader(view: View) -> View:
    """Users who can view users: read_security, or manage_security, which implies it."""
    return _declare("reader", view, lambda operator: operator.can_read)


def requires_manager(view: View) -> View:
    """Users who can manage users: manage_security."""
    return _declare("manager", view, lambda operator: operator.can_manage)


def own_account(view: View) -> View:
    """Every signed-in user. The view reads and changes their own account only: it takes no username."""
    return _declare("own account", view, lambda operator: True)


def requires_sign_in(view: View) -> View:
    """Every signed-in user. What the view shows depends on what they can do."""
    return _declare("signed in", view, lambda operator: True)


def _declare(access: str, view: View, can_enter: Callable[[Operator], bool]) -> View:
    @wraps(view)
    def wrapper(request: AppRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The middleware has asked for a sign-in already, unless the view is also `login_not_required`.
        if request.user is None or not can_enter(request.user):
            raise PermissionDenied(policy.NOT_PRIVILEGED)
        return view(request, *args, **kwargs)

    wrapper.access = access  # type: ignore[attr-defined]
    return cast(View, wrapper)


def declares_access(view: Callable[..., Any]) -> bool:
    """Whether the view says who can open it."""
    return hasattr(view, "access") or not getattr(view, "login_required", True)


def requires_valid_credentials(view: View) -> View:
    """For a view that changes or reads something with usermgmt's own API key: the cluster is asked about the operator first.

    (Where a view only shows something, the middleware asks after it.) It stands below the access declaration and is none itself.
    """

    @wraps(view)
    def wrapper(request: AppRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        operators.require_valid_credentials(request.user)
        return view(request, *args, **kwargs)

    return cast(View, wrapper)


def does_not_renew(view: View) -> View:
    """For a view that pages ask by themselves: nobody has to be there, so the session's idle time goes on."""
    view.renews_session = False  # type: ignore[attr-defined]
    return view


def renews_session(request: HttpRequest, view: Callable[..., HttpResponseBase]) -> bool:
    """Whether this request shows that the user is there."""
    return getattr(view, "renews_session", True) and BY_ITSELF not in request.META
