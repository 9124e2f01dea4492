"""Keeps the development server to this machine."""

import ipaddress
from collections.abc import Callable
from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase

from accounts.proxies import FORWARDING_HEADERS

# Django's debug pages have their style and script inline. They load and send nothing, not even to a site that shares tracebacks.
DEBUG_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def local_only(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer requests of this machine only, and let the debug pages have their inline style and script."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_local(request):
            return HttpResponseForbidden("The development server is for this machine only.", content_type="text/plain")
        response = get_response(request)
        if response.status_code >= 400 and b"<code>DEBUG = True</code>" in getattr(response, "content", b""):
            response["Content-Security-Policy"] = DEBUG_PAGE_POLICY
        return response

    return middleware


def is_local(request: HttpRequest) -> bool:
    """Whether browser and server are on this machine, and the page's address says so (a site's own name may lead here too)."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    # With a proxy or a tunnel, the browser is elsewhere, although the connection is local.
    return is_loopback(request.META["REMOTE_ADDR"]) and not any(name in request.META for name in FORWARDING_HEADERS)


def is_loopback(address: str) -> bool:
    """Whether this is an IP address at which only this machine can be reached."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
