"""The IP address that a request comes from, as the audit trail, the sessions, and the throttle know it."""

import ipaddress
from collections.abc import Mapping


def source_address(meta: Mapping[str, str], *, behind_proxy: bool) -> str:
    """The IP address of the client; "" if it is unknown.

    A reverse proxy appends the address that it sees to X-Forwarded-For. Everything before it, and the whole header without
    a proxy, can be forged by the client. The address of the connection is then
    that of the proxy, never the client's.
    """
    if behind_proxy:
        return _ip_address(meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])
    return _ip_address(meta.get("REMOTE_ADDR", ""))


def _ip_address(text: str) -> str:
    """The address without what proxies and sockets add: a port, brackets, quotes, a zone, IPv4 as IPv6; "" if there is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
