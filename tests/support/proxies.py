"""Reverse proxies in front of the product, configured as docs/proxies.md says."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from local_cluster.node import wait_for
from tests.support import certificates
from tests.support.server import ROOT

GUIDE: Final = ROOT / "docs/proxies.md"
# script/setup unpacks them, with the libraries that are missing, without installing them.
UNPACKED: Final = ROOT / ".proxies"
PATH: Final = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(UNPACKED / "usr/sbin"), str(UNPACKED / "usr/bin")])
LIBRARIES: Final = [*UNPACKED.glob("lib/*-linux-gnu"), *UNPACKED.glob("usr/lib/*-linux-gnu")]
CODE: Final = re.compile(r"^    .*\n(?:(?:    .*)?\n)*", re.MULTILINE)
REPLACEMENT: Final = re.compile(rf"`([^`\n]+)` by\n\n({CODE.pattern})", re.MULTILINE)

NGINX: Final = """
daemon off;
pid {folder}/pid;
{root}
events {{}}
http {{
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format requests "$status $request_method $request_uri";
    access_log {folder}/requests requests;
    {example}
}}
"""
APACHE: Final = """
ServerName localhost
PidFile pid
DefaultRuntimeDir .
ErrorLog /dev/stderr
{root}
Listen 127.0.0.1:{http_port}
Listen 127.0.0.1:{port}
{modules}
{example}
"""
APACHE_USER: Final = "User nobody\nGroup nogroup"
APACHE_MODULES: Final = ("mpm_event", "authz_core", "alias", "proxy", "slotmem_shm")  # enabled by Debian, or together with others
CADDY: Final = """
{{
    admin off
    http_port {http_port}
    https_port {port}
}}
{example}
"""


@dataclass(frozen=True)
class Proxy:
    """A section of the guide. `frame` is what the configuration has around the example in it."""

    section: str
    program: str
    arguments: tuple[str, ...]
    frame: str = "{example}"
    as_root: str = ""


PROXIES: Final = {
    "nginx": Proxy("nginx", "nginx", ("-p", ".", "-e", "stderr", "-c", "configuration"), NGINX, "user root;"),
    "haproxy": Proxy("HAProxy", "haproxy", ("-db", "-f", "configuration")),
    "apache": Proxy("Apache httpd", "apache2", ("-DFOREGROUND", "-d", ".", "-f", "configuration"), APACHE, APACHE_USER),
    "caddy": Proxy("Caddy", "caddy", ("run", "--adapter", "caddyfile", "--config", "configuration"), CADDY),
}


@contextmanager
def proxy(name: str, folder: Path, ports: tuple[int, int], *urls: str, variant: str = "") -> Iterator[None]:
    """Listens on 127.0.0.1, at these ports for HTTP and HTTPS, and passes requests on to servers at these URLs.

    `variant`: a bold paragraph in the section of the proxy.
    """
    chosen = PROXIES[name]
    text = _with_addresses(example(chosen.section, variant), folder, ports, urls)
    with running(chosen, text, folder, *ports[::-1]):
        yield


@contextmanager
def running(proxy: Proxy, text: str, folder: Path, port: int, http_port: int = 0) -> Iterator[None]:
    """Runs in the folder, with this text in its configuration; from when it listens at the port."""
    path = shutil.which(proxy.program, path=PATH)
    if path is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"{proxy.program} is not installed")
    identity = certificates.make("localhost")
    (folder / "usermgmt.pem").write_bytes(identity.pem + identity.key_pem)
    values = {
        "folder": str(folder),
        "port": port,
        "http_port": http_port,
        "root": "" if os.getuid() else proxy.as_root,
        "modules": "\n".join(map(_load_module, [*APACHE_MODULES, *_enabled_modules()])),
        "example": text,
    }
    (folder / "configuration").write_text(proxy.frame.format(**values))
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, LIBRARIES)), "HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen([path, *proxy.arguments], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        assert wait_for(lambda: _listens(port) or process.poll() is not None, 20)
        assert process.poll() is None, (folder / "proxy.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def example(section: str, variant: str = "") -> str:
    """The configuration in this section, with the lines of the variant."""
    first, *variants = re.split(r"^\*\*(?=[^*\n]+\.\*\*)", _section(section), flags=re.MULTILINE)
    text = "".join(CODE.findall(first))
    if variant:
        (paragraph,) = [each for each in variants if each.startswith(f"{variant}.**")]
        replacements = REPLACEMENT.findall(paragraph)
        assert replacements, paragraph
        for line, lines in replacements:
            found = re.findall(rf"^ *{re.escape(line)}\n", text, re.MULTILINE)
            assert len(found) == 1, (line, text)
            text = text.replace(found[0], lines)
    return text


def _section(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return str(text)


def _with_addresses(text: str, folder: Path, ports: tuple[int, int], urls: tuple[str, ...]) -> str:
    """With addresses, ports, and certificates of the test."""
    http, https = (f"127.0.0.1:{port}" for port in ports)
    places = [url.removeprefix("http://") for url in urls]
    text = re.sub(r"/\S+/usermgmt\.(?:pem|key)", str(folder / "usermgmt.pem"), text)
    for pattern, address in {
        r"users\.example\.org(?= \{)": https,  # of Caddy, which has no other place for the port
        r"users\.example\.org": "127.0.0.1",
        r"(?<=listen )80\b|(?<=bind ):80\b|\*:80\b": http,
        r"(?<=listen )443\b|(?<=bind ):443\b|\*:443\b": https,
        "127.0.0.1:8000|10.0.0.5:8000": places[0],
        "10.0.0.6:8000": places[-1],
        "/run/usermgmt/socket": places[0].removeprefix("unix:"),
    }.items():
        text = re.sub(pattern, address, text)
    return text


def _enabled_modules() -> list[str]:
    """All that the guide enables, also for a variant."""
    return [module for modules in re.findall(r"a2enmod ([\w ]+)", _section("Apache httpd")) for module in modules.split()]


def _load_module(name: str) -> str:
    places = (folder / f"usr/lib/apache2/modules/mod_{name}.so" for folder in (UNPACKED, Path("/")))
    return f"LoadModule {name}_module {next((place for place in places if place.exists()), '')}"


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
