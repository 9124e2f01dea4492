"""Reads and validates variables of the environment. An error names the variable and what to write, never the value."""

import ipaddress
import math
import re
import ssl
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from usermgmt import env_file, secret_files, tls

TRUE: Final = ("true", "on", "ok", "y", "yes", "1")
FALSE: Final = ("false", "off", "n", "no", "0")
HOSTNAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")
NETLOC: Final = re.compile(r"(\[[^]]+\]|[^:]+)(?::([0-9]{1,5}))?")
PATH: Final = re.compile(r"(/[A-Za-z0-9._~%-]+)*/*")
ELASTICSEARCH_PORTS: Final = {"http": 9200, "https": 443}
BROWSER_PORTS: Final = {"http": 80, "https": 443}
BASE_PATH: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
# The first segments of our own paths. If BASE_PATH began with one, a request without it could also be a request with it.
OWN_SEGMENTS: Final = (
    "access",
    "account",
    "api-keys",
    "audit",
    "compare",
    "damaged",
    "findings",
    "livez",
    "login",
    "logout",
    "metrics",
    "passwords",
    "readyz",
    "reviews",
    "role-mappings",
    "roles",
    "search",
    "service-accounts",
    "sessions",
    "static",
    "system",
    "theme",
    "users",
)
# Each can also be in a file, which the variable with _FILE at the end of its name names.
SECRETS: Final = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "ELASTICSEARCH_API_KEY", "ELASTICSEARCH_PASSWORD")
EXAMPLE_URL: Final = "for example https://es1.example.org:9200"

Parsed = TypeVar("Parsed")


class Environment:
    """Typed access to the variables. An empty variable counts as not set. All methods raise ImproperlyConfigured."""

    def __init__(self, variables: MutableMapping[str, str], default_file: Path) -> None:
        """Add the variables of the configuration file (ENV_FILE) that aren't set, and secrets from files of their own."""
        self._variables = variables
        given = variables.get("ENV_FILE")
        if given and not _exists(Path(given)):
            raise ImproperlyConfigured(f"ENV_FILE: the file {given} doesn't exist.")
        # By the name of the setting. Only files that have secrets.
        self.secret_files: dict[str, str] = {}
        from_file = env_file.read(Path(given) if given else default_file)
        if any(from_file.get(name) for name in (*SECRETS, "METRICS_TOKEN")):
            self.secret_files["ENV_FILE"] = given or str(default_file)
        for name, value in from_file.items():
            variables.setdefault(name, value)
        for name in SECRETS:
            self._read_secret(name, f"{name}_FILE")

    def rename(self, old: str, new: str) -> bool:
        """Use the value of the old name for the new one, if only the old one is set. Returns whether it is."""
        is_old = old in self._variables and new not in self._variables
        if is_old:
            self._variables[new] = self._variables[old]
        return is_old

    def secret(self, name: str) -> str:
        """The value exactly as it is written."""
        return self._variables.get(name, "")

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(name, "").strip() or default

    def parsed(self, name: str, parse: Callable[[str], Parsed], default: str = "") -> Parsed:
        """The result of `parse`, which raises ValueError with what the variable must be."""
        try:
            return parse(self.text(name, default))
        except ValueError as exc:
            raise ImproperlyConfigured(f"{name} {exc}.") from None

    def flag(self, name: str, *, default: bool) -> bool:
        return self.choice(name, TRUE + FALSE, str(default), "true or false") in TRUE

    def choice(self, name: str, choices: tuple[str, ...], default: str, description: str) -> str:
        """One of the choices, also if it is written in capital letters."""
        text = self.text(name, default).lower()
        if text not in choices:
            raise ImproperlyConfigured(f"{name} must be {description}.")
        return text

    def integer(self, name: str, default: int, minimum: int, maximum: float = math.inf) -> int:
        return int(self._number(name, int, "a whole number", default, minimum, maximum))

    def number(self, name: str, default: float, minimum: float) -> float:
        return self._number(name, float, "a number", default, minimum, math.inf)

    def file(self, name: str) -> str:
        """The path of a readable file, or ""."""
        path = self.text(name)
        if path and not secret_files.can_be_read(path):
            raise ImproperlyConfigured(f"{name}: the file {path} can't be read.")
        return path

    def certificates(self, name: str) -> str:
        """The path of a readable file with CA certificates, or ""."""
        path = self.file(name)
        try:
            if path:
                ssl.create_default_context(cafile=path)
        except OSError:  # SSLError is one
            raise ImproperlyConfigured(f"{name}: the file {path} must contain CA certificates in PEM format.") from None
        return path

    def _read_secret(self, name: str, file_name: str) -> None:
        """Set the variable to the content of the file. Processes that inherit both must not take that for a contradiction."""
        if path := self.text(file_name):
            if self._variables.get(name):
                raise ImproperlyConfigured(f"{name} and {file_name} must not both be set.")
            self.secret_files[file_name] = path
            try:
                self._variables[name] = _secret_in(Path(path))
            except OSError as exc:
                raise ImproperlyConfigured(f"{file_name}: the file {path} can't be read: {exc.strerror}.") from None
            except ValueError:
                raise ImproperlyConfigured(f"{file_name}: the file {path} must contain one line of text in UTF-8.") from None
            self._variables[file_name] = ""

    def _number(self, name: str, kind: type[float], noun: str, default: float, minimum: float, maximum: float) -> float:
        try:
            value = kind(self.text(name, str(default)))
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum or math.isinf(value):
            limits = f"of at least {minimum}" if math.isinf(maximum) else f"from {minimum} to {maximum}"
            raise ImproperlyConfigured(f"{name} must be {noun} {limits}.")
        return value


def require_server_certificate(certfile: str, keyfile: str) -> None:
    """Raises ImproperlyConfigured if TLS_CERTFILE and TLS_KEYFILE can't be used. Both are empty without TLS."""
    _require_pair("TLS_CERTFILE", certfile, "TLS_KEYFILE", keyfile)


def require_client_certificate(certfile: str, keyfile: str) -> None:
    """Raises ImproperlyConfigured if the files for Elasticsearch can't be used. Both are empty without a client certificate."""
    _require_pair("ELASTICSEARCH_CLIENT_CERTFILE", certfile, "ELASTICSEARCH_CLIENT_KEYFILE", keyfile)


def require_encryption(bind: str, *, https: bool, allows_http: bool) -> None:
    """Raises ImproperlyConfigured for a server to which other machines would send passwords unencrypted."""
    if not https and not allows_http and is_reachable(bind):
        raise ImproperlyConfigured(
            f"HTTPS=false is only possible at an address of this machine. Others reach {bind} (HOST), and would send passwords and "
            "session cookies unencrypted. Set TLS_CERTFILE and TLS_KEYFILE, or BEHIND_PROXY=true with a proxy that terminates "
            "HTTPS, and remove HTTPS=false; or set HOST=127.0.0.1; or ALLOW_HTTP=true if only encrypted connections lead here."
        )


def is_reachable(bind: str) -> bool:
    """Whether other machines can connect to a server at this address, `host:port` or `unix:/path`."""
    return not bind.startswith("unix:") and not is_this_machine(f"http://{bind}")


def is_this_machine(url: str) -> bool:
    """Whether the host of a URL is this machine. False for other names, wherever they lead to."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def unique_items(text: str) -> list[str]:
    """The items between commas, without duplicates, empty ones, and spaces around them."""
    return _unique(text.split(","))


def node_urls(text: str) -> list[str]:
    """Each URL of an Elasticsearch node, with a port and without duplicates. Raises ValueError, which doesn't repeat them."""
    if "@" in text:  # anywhere, because commas and slashes in a password end a URL or its host too early
        raise ValueError(
            f"must not contain a username or password: write only the URLs, {EXAMPLE_URL}. usermgmt uses ELASTICSEARCH_API_KEY, "
            "and its commands use ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD"
        )
    if urls := _unique(map(_node_url, unique_items(text))):
        return urls
    raise ValueError(f"is required: write the URLs of the Elasticsearch nodes, {EXAMPLE_URL}")


def hostnames(text: str) -> list[str]:
    """Hostnames as Django's ALLOWED_HOSTS has them. Raises ValueError."""
    return _unique(map(_allowed_host, unique_items(text)))


def origins(text: str) -> list[str]:
    """Origins as browsers send them. Raises ValueError."""
    return _unique(map(_origin, unique_items(text)))


def keys(text: str) -> list[str]:
    """Previous values of SECRET_KEY. Raises ValueError."""
    found = unique_items(text)
    if any(len(key) < 32 for key in found):
        raise ValueError("must be previous values of SECRET_KEY with at least 32 characters, separated by commas")
    return found


def api_key(text: str) -> str:
    """The key if it can be sent in a header. Raises ValueError."""
    if re.fullmatch(r"[!-~]*", text):
        return text
    raise ValueError("must be the encoded API key, which has no spaces and only ASCII characters, as setup_cluster prints it")


def fingerprint(text: str) -> str:
    """A SHA-256 fingerprint in lower case without colons, or "". Raises ValueError."""
    digits = text.replace(":", "").lower()
    if not text or re.fullmatch(r"[0-9a-f]{64}", digits):
        return digits
    raise ValueError(
        "must be the SHA-256 fingerprint of a CA certificate: 64 hexadecimal digits, with or without colons. On a node: "
        "openssl x509 -fingerprint -sha256 -noout -in config/certs/http_ca.crt"
    )


def bearer_token(text: str) -> str:
    """A token that can be sent in a header and isn't easily guessed, or "". Raises ValueError."""
    if not text or re.fullmatch(r"[!-~]{16,}", text):
        return text
    raise ValueError("must have at least 16 characters, only ASCII characters and no spaces")


def bind_host(text: str) -> str:
    """A host as gunicorn's `bind` has it before the port, or a complete `unix:/path`. Raises ValueError."""
    host = f"[{text}]" if _is_ipv6(text) else text
    if host.startswith("unix:/") or _is_host(host):
        return host
    raise ValueError("must be a hostname, an IP address, or unix:/path/to/socket. The port is set with PORT")


def base_path(text: str) -> str:
    """The path in front of all our paths, without a slash at the end; "" for none. Raises ValueError."""
    path = text.rstrip("/")
    if not BASE_PATH.fullmatch(path):
        raise ValueError(
            "must be a path that begins with a slash, for example /es-users, without host, query, and special characters"
        )
    if path and (first := path.split("/")[1]) in OWN_SEGMENTS:
        raise ValueError(
            f"must not begin with /{first}, which is a path of usermgmt itself. Use another one, for example /es-users"
        )
    return path


def _require_pair(cert_name: str, certfile: str, key_name: str, keyfile: str) -> None:
    for name, path, other in ((cert_name, certfile, keyfile), (key_name, keyfile, certfile)):
        if other and not path:
            raise ImproperlyConfigured(f"{name} is required: {cert_name} and {key_name} are only used together.")
        if path and not secret_files.can_be_read(path):
            raise ImproperlyConfigured(f"{name}: the file {path} can't be read.")
    try:
        if certfile:
            tls.server_context(certfile, keyfile)  # the files of a client are the same
    except OSError:  # SSLError is one
        raise ImproperlyConfigured(
            f"{cert_name}: the file {certfile} must contain a certificate in PEM format, and {keyfile} ({key_name}) its private "
            "key without a password."
        ) from None


def _exists(path: Path) -> bool:
    """True if a folder is closed to this process: reading the file then says so."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _secret_in(path: Path) -> str:
    """The only line of the file. Raises OSError, and ValueError if it isn't one."""
    secret = path.read_text(encoding="utf-8-sig").removesuffix("\n")
    if not re.fullmatch(r"[^\n\0]+", secret):
        raise ValueError
    return secret


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(item for item in map(str.strip, items) if item))


def _node_url(text: str) -> str:
    scheme, host, port, path = _split(text)
    if scheme not in ELASTICSEARCH_PORTS or not host:
        raise ValueError(f"must be URLs with https:// or http://, a hostname or IP address, and a port, {EXAMPLE_URL}")
    if not PATH.fullmatch(path):
        raise ValueError(f"must be URLs without spaces, queries, and fragments, {EXAMPLE_URL}. Separate several URLs with commas")
    return f"{scheme}://{host}:{port or ELASTICSEARCH_PORTS[scheme]}{path.rstrip('/')}"


def _origin(text: str) -> str:
    scheme, host, port, path = _split(text.replace("://*.", "://", 1))
    if scheme not in BROWSER_PORTS or not host or path.strip("/"):
        raise ValueError("must be origins: https:// and a hostname, for example https://users.example.org")
    wildcard = "*." if "://*." in text else ""
    return f"{scheme}://{wildcard}{host}" + (f":{port}" if port and port != BROWSER_PORTS[scheme] else "")


def _allowed_host(text: str) -> str:
    host = f"[{text}]" if _is_ipv6(text) else text.lower()
    if host == "*" or _is_host(host.removeprefix(".")):
        return host
    raise ValueError(
        "must be hostnames without https:// and port, for example users.example.org, or .example.org for all subdomains"
    )


def _split(url: str) -> tuple[str, str, int, str]:
    """Scheme, host ("" if it is invalid), port (0 for none), and the rest of a URL."""
    scheme, _, rest = url.partition("://")
    netloc, path = re.fullmatch(r"([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    found = NETLOC.fullmatch(netloc.lower())
    if not found or not _is_host(found[1]) or not 0 < int(found[2] or 1) < 65536:
        return scheme.lower(), "", 0, path
    return scheme.lower(), found[1], int(found[2] or 0), path


def _is_host(text: str) -> bool:
    if text.startswith("["):
        return text.endswith("]") and _is_ipv6(text[1:-1])
    return bool(HOSTNAME.fullmatch(text.lower()))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
