"""The wheel, built from this tree and installed, serves over TLS by itself. No node is needed, and nothing is downloaded."""

import os
import re
import signal
import ssl
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support import certificates
from tests.support.server import ROOT, children_of

SECRET = "$nly for tests, and long enough to be taken"
EXTRAS = ("locked", "otel")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`usermgmt` in an environment of its own, with the dependencies of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    _pip("--python", str(folder / "bin" / "python"), "install", "--no-deps", str(wheel))
    return str(folder / "bin" / "usermgmt")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with another package of the same name, which must not be taken for the installed one."""
    folder = tmp_path / "here"
    (folder / "usermgmt").mkdir(parents=True)
    (folder / "usermgmt" / "__init__.py").write_text("raise SystemExit('another package')")
    return folder


def _pip(*arguments: str) -> None:
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}
    run = subprocess.run([sys.executable, "-m", "pip", *arguments], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def _environment(folder: Path, **more: str) -> dict[str, str]:
    (folder / "secret_key").write_text(SECRET + "\n")
    return {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1",
        "ELASTICSEARCH_API_KEY": "a-key",
        "SECRET_KEY_FILE": str(folder / "secret_key"),
        **more,
    }


def _run(command: str, *arguments: str, cwd: Path, **environment: str) -> tuple[int, str]:
    run = subprocess.run(
        [command, *arguments], cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return run.returncode, run.stdout


def test_the_wheel_has_what_it_needs(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        names = set(file.namelist())
        metadata = file.read(f"usermgmt-{VERSION}.dist-info/METADATA").decode()
    assert {"usermgmt/templates/base.html", "usermgmt/staticfiles/staticfiles.json"} <= names
    assert {"usermgmt/requirements.txt", "usermgmt/requirements-otel.txt"} <= names
    assert not [name for name in names if name.startswith(("tests/", "usermgmt/dev/")) or "__pycache__" in name]
    locked, otel = (set(re.findall(rf"^Requires-Dist: ([\w.-]+)==.*extra == '{extra}'$", metadata, re.M)) for extra in EXTRAS)
    assert locked == _names("requirements.txt")
    assert otel == _names("requirements-otel.txt") - locked
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= otel


def _names(requirements: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", (ROOT / requirements).read_text(), re.MULTILINE))


def test_commands(command: str, here: Path) -> None:
    environment = _environment(here)
    assert _run(command, "check", cwd=here, **environment, HTTPS="false") == (
        0,
        "System check identified no issues (1 silenced).\n",
    )
    code, output = _run(command, cwd=here)
    assert code == 0
    expected = {"serve", "check", "health-check", "setup-cluster", "reset-password", "export-users"}
    assert expected <= set(output.split())
    for name in expected:
        for arguments in ([name, "--help"], ["help", name]):  # without any settings
            assert f"usage: usermgmt {name} " in _run(command, *arguments, cwd=here, ENV_FILE=os.devnull)[1]
    assert _run(command, "--version", cwd=here) == (0, f"{VERSION}\n")
    code, output = _run(command, "serve", cwd=here, **environment, SECRET_KEY="canary")
    assert (code, output) == (os.EX_CONFIG, "Configuration: SECRET_KEY and SECRET_KEY_FILE must not both be set.\n")


class Served:
    """A server with a certificate that can change."""

    def __init__(self, command: str, folder: Path, port: int) -> None:
        self.command, self.folder = command, folder
        self.certfile, self.keyfile, self.log = folder / "tls.crt", folder / "tls.key", folder / "log"
        self.port = port
        self.process: subprocess.Popen[bytes]

    def renew(self) -> certificates.Identity:
        """Have another certificate, and return its authority."""
        authority = certificates.make("authority", is_authority=True)
        identity = certificates.make("usermgmt", by=authority)
        self.certfile.write_bytes(identity.pem)
        self.keyfile.write_bytes(identity.key_pem)
        return authority

    def get(self, path: str, authority: certificates.Identity) -> tuple[dict[str, str], str]:
        """Headers and text of a page, if the certificate is one of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority.pem.decode())
        with urllib.request.urlopen(f"https://127.0.0.1:{self.port}{path}", context=context, timeout=20) as page:
            return dict(page.headers), page.read().decode()

    def answers(self, authority: certificates.Identity) -> bool:
        try:
            return self.get("/livez", authority)[1].startswith("ok")
        except OSError:
            return False

    @property
    def environment(self) -> dict[str, str]:
        tls = {"TLS_CERTFILE": str(self.certfile), "TLS_KEYFILE": str(self.keyfile), "PORT": str(self.port)}
        return _environment(self.folder, **tls)

    def health(self) -> tuple[int, str]:
        return _run(self.command, "health-check", cwd=self.folder, **self.environment)

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture
def served(command: str, here: Path, tmp_path: Path) -> Iterator[Served]:
    served = Served(command, tmp_path, free_ports(1)[0])
    served.renew()
    with served.log.open("wb") as log:
        served.process = subprocess.Popen(
            [command, "serve"], cwd=here, env=served.environment, stdout=log, stderr=log, start_new_session=True
        )
    yield served
    if served.process.poll() is None:
        os.killpg(served.process.pid, signal.SIGTERM)
        served.process.wait(timeout=30)


def _wait(condition: Callable[[], bool], served: Served) -> None:
    assert wait_for(lambda: condition() or served.process.poll() is not None, 60), served.log.read_text()
    assert served.process.poll() is None, served.log.read_text()


def test_it_serves_over_tls_and_reads_a_new_certificate(served: Served) -> None:
    first = served.renew()  # before the server has read the other one
    _wait(lambda: served.answers(first), served)
    assert served.health() == (0, "")
    headers, page = served.get("/login", first)
    assert "; Secure" in headers["Set-Cookie"]
    assert "Strict-Transport-Security" in headers
    (style,) = re.findall(r'href="(/static/css/app[^"]+)"', page)
    assert served.get(style, first)[0]["Content-Type"].startswith("text/css")

    second = served.renew()
    served.reload()
    _wait(lambda: served.answers(second), served)
    assert not served.answers(first)

    served.keyfile.write_text("canary")
    served.reload()
    _wait(lambda: "continues with the previous settings" in served.log.read_text(), served)
    assert "Configuration: TLS_CERTFILE: the file" in served.log.read_text()
    # Another process, which couldn't read the key, has what was read before; gunicorn's own would serve without TLS.
    (old,) = children_of(served.process)
    os.kill(int(old), signal.SIGKILL)
    _wait(lambda: children_of(served.process) not in ([], [old]) and served.answers(second), served)
    assert "canary" not in served.log.read_text()

    assert served.health()[0] == 78, "the key isn't one"
    served.renew()
    served.process.terminate()
    served.process.wait(timeout=30)
    code, output = served.health()
    assert code == 1
    assert output.startswith(f"The server at 127.0.0.1:{served.port} doesn't answer: ")
