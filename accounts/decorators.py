"""Declarations of a view: who can open it, and how it uses the session. They stack with `require_GET`, as `login_required` does.

A view without an access declaration is denied (accounts.E001, and OperatorMiddleware). A view that needs no sign-in declares
Django's `login_not_required`. Permission for an action on a particular user is `policy.demand`, in the view.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve

from accounts import policy
from accounts.http import AppRequest, is_from_own_page, path_of
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# The header of background requests, set with `hx-headers` where the same view also answers requests of the user.
BACKGROUND_HEADER: Final = "HTTP_X_BACKGROUND"


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
        # The middleware has already required a sign-in, unless the view is also `login_not_required`.
        if request.user is None or not can_enter(request.user):
            raise PermissionDenied(policy.NOT_PRIVILEGED)
        return view(request, *args, **kwargs)

    wrapper.access = access  # type: ignore[attr-defined]
    return cast(View, wrapper)


def declares_access(view: Callable[..., Any]) -> bool:
    """Whether the view declares who can open it."""
    return hasattr(view, "access") or not getattr(view, "login_required", True)


def requires_valid_credentials(view: View) -> View:
    """For a view that reads or writes with usermgmt's own API key: verify the operator's credentials with the cluster first.

    For other views the middleware verifies them afterwards. Place it below the access declaration, which it doesn't replace.
    """

    @wraps(view)
    def wrapper(request: AppRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        operators.require_valid_credentials(request.user)
        return view(request, *args, **kwargs)

    return cast(View, wrapper)


def rejects_other_sites_if(is_export: Callable[[QueryDict], bool]) -> Callable[[View], View]:
    """For a view that exports, by GET, if its query string is such.

    It costs the cluster time, and it is recorded under the name of the operator, whose browser another site could have sent here.
    So only a link of our own pages starts it. Otherwise, the response is a page with a button, which sends a POST with a CSRF
    token. Place it below the access declaration.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: AppRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST" or not is_export(request.GET) or is_from_own_page(request):
                return view(request, *args, **kwargs)
            return ask_to_export(request, request.get_full_path(), status=403)

        wrapper.is_export = is_export  # type: ignore[attr-defined]
        return cast(View, wrapper)

    return decorate


rejects_other_sites: Final = rejects_other_sites_if(lambda query: True)


def ask_to_export(request: AppRequest, url: str, *, status: int = 200) -> HttpResponse:
    """The page with a button for an export that the operator didn't start from one of our pages."""
    return render(request, "exports/ask.html", {"action": url}, status=status)


def starts_export(url: str) -> bool:
    """Whether a GET of this URL of usermgmt would export."""
    try:
        view = resolve(path_of(url).removeprefix(settings.BASE_PATH)).func
    except Resolver404:
        return False
    return bool(getattr(view, "is_export", lambda query: False)(QueryDict(urlsplit(url).query)))


def does_not_renew(view: View) -> View:
    """For a view that pages request in the background: the idle time of the session isn't reset."""
    view.renews_session = False  # type: ignore[attr-defined]
    return view


def renews_session(request: HttpRequest, view: Callable[..., HttpResponseBase]) -> bool:
    """Whether this request is an activity of the user, not a background request."""
    return getattr(view, "renews_session", True) and BACKGROUND_HEADER not in request.META
