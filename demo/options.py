"""Options and paths of the demo."""

import os
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
FOLDER = TOP / ".demo"
ENV_FILE = FOLDER / "env"


class DemoError(Exception):
    """Ends the demo; the message is for the terminal."""


@dataclass(frozen=True)
class Options:
    """The environment variables PORT, ELASTICSEARCH_PORT, and ELASTIC_PASSWORD."""

    port: int
    elasticsearch_port: int
    elastic_password: str | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def elasticsearch_url(self) -> str:
        return f"http://127.0.0.1:{self.elasticsearch_port}"


def read_options() -> Options:
    """Read the environment, and remove the password from it so that no child process inherits it. Raises DemoError."""
    password = os.environ.pop("ELASTIC_PASSWORD", None)
    if password is not None and (len(password) < 6 or not password.isprintable()):
        raise DemoError("ELASTIC_PASSWORD must have at least 6 characters, all of them printable.")
    return Options(_port("PORT", 8000), _port("ELASTICSEARCH_PORT", 9200), password)


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise DemoError(f"{name} must be a port number, not {value!r}.")
    return int(value)
