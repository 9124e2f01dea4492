"""The address of a node on this machine from its settings, as elasticsearch-reset-password reads it."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

LOCAL: Final = "localhost"
# More than one address, or one that is determined only when the node starts.
MANY_ADDRESSES: Final = re.compile(r"(0\.0\.0\.0|::|0|_.*_)?")
FILE_REALM_ENABLED: Final = re.compile(r"xpack\.security\.authc\.realms\.file\.[^.]+\.enabled")
# Names of environment variables that are settings in the official container image: `http.port`, or `ES_SETTING_HTTP_PORT`.
SETTING_VARIABLE: Final = re.compile(r"[-a-z0-9_]+(\.[-a-z0-9_]+)+")
SETTING_PREFIX: Final = "ES_SETTING_"


class NodeSettingsError(Exception):
    """The settings can't be used. The message is for the terminal."""


class NodeSettings(Mapping[str, str]):
    """The settings by their full names. Reading a value fills in its placeholders, and may raise NodeSettingsError.

    Only the settings that are read must be complete: the command may not have all environment variables of the node.
    """

    def __init__(self, raw: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._raw = raw
        # The start script of Elasticsearch always sets HOSTNAME.
        self._environment = {"HOSTNAME": socket.gethostname(), **environment}

    def __getitem__(self, name: str) -> str:
        return self._filled(self._raw[name], name, frozenset())

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def _filled(self, text: str, setting: str, within: frozenset[str]) -> str:
        """The text with its `${NAME}` and `${NAME:default}`, which can be nested, replaced as the node does."""
        before, _, rest = text.partition("${")
        end = _closing_brace(rest)
        if end is None:
            return text
        placeholder, after = rest[:end], rest[end + 1 :]
        if placeholder in within:
            raise NodeSettingsError(f"[{setting}] in the settings of the node refers to itself")
        within_this = within | {placeholder}
        name, colon, default = self._filled(placeholder, setting, within_this).partition(":")
        # With a default, Elasticsearch doesn't look for an environment variable, only for a setting.
        value = self._raw.get(name, default) if colon else self._environment.get(name, self._raw.get(name))
        if value is None:
            raise NodeSettingsError(
                f"[{setting}] in the settings of the node contains ${{{placeholder}}}, which is not set. "
                f"Set the environment variable as for the node, or use -E {setting}=VALUE."
            )
        return before + self._filled(value, setting, within_this) + self._filled(after, setting, within)


def _closing_brace(text: str) -> int | None:
    """The position of the brace that closes a placeholder, after its `${`."""
    depth = 1
    for found in re.finditer(r"\$\{|\}", text):
        depth += 1 if found[0] == "${" else -1
        if depth == 0:
            return found.start()
    return None


def read(folder: Path, overrides: Mapping[str, str], environment: Mapping[str, str]) -> NodeSettings:
    """The settings from `elasticsearch.yml`, in any nesting, or from the environment, or overridden. Raises NodeSettingsError."""
    file = folder / "elasticsearch.yml"
    try:
        tree = yaml.safe_load(file.read_text()) or {}
    except OSError as exc:
        raise NodeSettingsError(f"{file}: {exc.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NodeSettingsError(f"{file} is not valid YAML") from None
    return NodeSettings({**dict(_flat(tree)), **dict(_of_container(environment)), **overrides}, environment)


def url(settings: Mapping[str, str]) -> str:
    """The URL of the node on this machine, with the first port of a range. Raises NodeSettingsError."""
    scheme = "https" if settings.get("xpack.security.http.ssl.enabled", "").lower() == "true" else "http"
    port = re.split("[-,]", settings.get("http.port", ""))[0].strip() or "9200"
    if not port.isdecimal():
        raise NodeSettingsError("[http.port] in the settings of the node is not a port")
    host = _host(settings)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def has_file_realm(settings: Mapping[str, str]) -> bool:
    """Whether the node has a file realm, which is the default. Raises NodeSettingsError."""
    return all(settings[name].lower() != "false" for name in settings if FILE_REALM_ENABLED.fullmatch(name))


def authority(folder: Path) -> str:
    """The CA that the node created at its first start, or ""."""
    file = folder / "certs/http_ca.crt"
    return str(file) if os.path.isfile(file) else ""  # unlike Path.is_file, also in a folder that isn't accessible


def _of_container(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if SETTING_VARIABLE.fullmatch(name):
            yield name, value
        elif name.startswith(SETTING_PREFIX):
            # A dot is written as an underscore, an underscore as two.
            yield name.removeprefix(SETTING_PREFIX).replace("_", ".").replace("..", "_").lower(), value


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
