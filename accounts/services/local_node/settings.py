"""The address of a node on this machine from its `elasticsearch.yml`, as elasticsearch-reset-password reads it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

LOCAL: Final = "localhost"
# More than one address, or one that is determined only when the node starts.
MANY_ADDRESSES: Final = re.compile(r"(0\.0\.0\.0|::|0|_.*_)?")
FILE_REALM_ENABLED: Final = re.compile(r"xpack\.security\.authc\.realms\.file\.[^.]+\.enabled")


class NodeSettingsError(Exception):
    """The settings can't be used. The message is for the terminal."""


def read(folder: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    """The settings by their full names, from any nesting. Raises NodeSettingsError."""
    file = folder / "elasticsearch.yml"
    try:
        tree = yaml.safe_load(file.read_text()) or {}
    except OSError as exc:
        raise NodeSettingsError(f"{file}: {exc.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NodeSettingsError(f"{file} is not valid YAML") from None
    return {**dict(_flat(tree)), **overrides}


def url(settings: Mapping[str, str]) -> str:
    """The URL of the node on this machine, with the first port of a range."""
    scheme = "https" if settings.get("xpack.security.http.ssl.enabled", "").lower() == "true" else "http"
    port = re.split("[-,]", settings.get("http.port", ""))[0] or "9200"
    host = _host(settings)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def has_file_realm(settings: Mapping[str, str]) -> bool:
    """Whether the node has a file realm, which is the default."""
    values = [value.lower() for name, value in settings.items() if FILE_REALM_ENABLED.fullmatch(name)]
    return "false" not in values


def authority(folder: Path) -> str:
    """The CA that the node created at its first start, or ""."""
    file = folder / "certs/http_ca.crt"
    return str(file) if file.is_file() else ""


def _host(settings: Mapping[str, str]) -> str:
    names = ("http.publish_host", "http.host", "http.bind_host", "network.publish_host", "network.host", "network.bind_host")
    host = next((settings[name] for name in names if settings.get(name)), "").split(",")[0].strip()
    return LOCAL if MANY_ADDRESSES.fullmatch(host) else host


def _flat(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(tree, list):
        yield prefix, ",".join(str(item) for item in tree)
    elif tree is not None:
        yield prefix, str(tree)
