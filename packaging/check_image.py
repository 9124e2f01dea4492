"""`python packaging/check_image.py ROOT INSPECTED`, run by script/image-check: starts the image as its metadata says.

ROOT: its mounted files. INSPECTED: the output of `buildah inspect`. What runs in it has a read-only root with a writable /tmp, is
nobody with no way to become root, and is process 1 of its own. Elasticsearch and usermgmt are both reached over TLS.
"""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local_cluster import Cluster
from local_cluster.node import wait_for
from local_cluster.ports import free_ports
from tests.support import certificates

SECRETS = Path("run/secrets")
STATE = Path("tmp/state")
# The arguments are the root, the writable folder, and the command.
CONTAINED = """
set -eu
root=$1 state=$2
shift 2
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -m 700 "$root/tmp/state"
mount --bind "$state" "$root/tmp/state"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,ro "$root/dev"
mount -o remount,bind,ro "$root"
cd "$root"
exec setpriv --no-new-privs chroot --userspec=65534:65534 --groups= "$root" "$@"
"""


class Image:
    def __init__(self, root: Path, inspected: dict[str, Any], state: Path, settings: dict[str, str]) -> None:
        self._root, self._state = root, state
        self._config = inspected["Docker"]["config"]
        assert self._config["User"] == "65534:65534", self._config
        self._environment = dict(line.split("=", 1) for line in self._config["Env"]) | settings

    def command(self, *arguments: str, **environment: str) -> list[str]:
        """A command in the image; without arguments, its own."""
        variables = [f"{name}={value}" for name, value in (self._environment | environment).items()]
        contained = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CONTAINED, "sh"]
        return [*contained, str(self._root), str(self._state), "env", "-i", *variables, *arguments]

    def usermgmt(self, *arguments: str, **environment: str) -> list[str]:
        return self.command(*self._config["Entrypoint"], *(arguments or self._config["Cmd"]), **environment)

    def health_check(self) -> list[str]:
        kind, *command = self._config["Healthcheck"]["Test"]
        assert kind == "CMD", kind
        return self.command(*command)


def main(root: Path, inspected: dict[str, Any]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        authority = certificates.make("authority", is_authority=True)
        (folder / "ca.crt").write_bytes(authority.pem)
        with Cluster(folder / "cluster", settings=_https(folder, authority), ca_certs=folder / "ca.crt") as cluster:
            secrets = root / SECRETS
            secrets.mkdir(parents=True, exist_ok=True)
            ours = certificates.make("usermgmt", by=authority)
            for file, content in {"tls.crt": ours.pem, "tls.key": ours.key_pem, "ca.crt": authority.pem}.items():
                _write(secrets / file, content)
            _write(secrets / "elastic_password", cluster.password.encode())
            _check(root, inspected, folder, cluster)


def _https(folder: Path, authority: certificates.Identity) -> dict[str, str]:
    """Elasticsearch only reads certificates in its config folder."""
    config = folder / "cluster" / "node-1" / "config"
    config.mkdir(parents=True)
    node = certificates.make("node", by=authority)
    (config / "http.crt").write_bytes(node.pem)
    (config / "http.key").write_bytes(node.key_pem)
    names = {"enabled": "true", "certificate": "http.crt", "key": "http.key"}
    return {f"xpack.security.http.ssl.{name}": value for name, value in names.items()}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o444)


def _check(root: Path, inspected: dict[str, Any], folder: Path, cluster: Cluster) -> None:
    state = folder / "state"
    state.mkdir()
    state.chmod(0o777)
    folder.chmod(0o755)
    port = free_ports(1)[0]
    settings = {
        "ELASTICSEARCH_HOSTS": cluster.urls[0],
        "ELASTICSEARCH_CA_CERTS": f"/{SECRETS}/ca.crt",
        "TLS_CERTFILE": f"/{SECRETS}/tls.crt",
        "TLS_KEYFILE": f"/{SECRETS}/tls.key",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(port),
    }
    image = Image(root, inspected, state, settings)
    _say("Read-only, nobody, no compiler")
    script = "id -u; touch /x /opt/usermgmt/x 2>/dev/null && echo writable; touch /tmp/x && command -v cc gcc g++ ld make pip; true"
    assert _run(image.command("sh", "-c", script)) == "65534\n"

    _say("setup-cluster")
    set_up = image.usermgmt(
        "setup-cluster", "--env-file", f"/{STATE}/env", ELASTICSEARCH_PASSWORD_FILE=f"/{SECRETS}/elastic_password"
    )
    assert "API key: created" in _run(set_up)
    (state / "env").chmod(0o644)

    image = Image(root, inspected, state, settings | {"ENV_FILE": f"/{STATE}/env"})
    assert "doesn't answer" in _run(image.health_check(), code=1)
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(image.usermgmt(), stdout=output, stderr=output)
    try:
        _check_server(image, server, f"https://127.0.0.1:{port}", folder / "ca.crt", cluster)
    except BaseException:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        server.kill()
        server.wait()


def _check_server(image: Image, server: "subprocess.Popen[bytes]", url: str, ca: Path, cluster: Cluster) -> None:
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
        urllib.request.HTTPCookieProcessor(CookieJar()),
    )
    started = time.monotonic()
    assert wait_for(lambda: server.poll() is not None or _answers(browser, url), 60), "the server doesn't answer"
    _say(f"Serves over TLS after {time.monotonic() - started:.1f} seconds; the health check agrees")
    _run(image.health_check())
    assert browser.open(f"{url}/readyz").read().startswith(b"ok")

    _say("Signs in, and shows the users")
    page = browser.open(f"{url}/login").read().decode()
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page))
    form = {"csrfmiddlewaretoken": token, "username": "elastic", "password": cluster.password}
    request = urllib.request.Request(f"{url}/login", urllib.parse.urlencode(form).encode(), {"Referer": f"{url}/login"})
    assert "kibana_system" in browser.open(request).read().decode()
    assert "kibana_system" in browser.open(f"{url}/users/").read().decode()

    _say("Reloads at SIGHUP, and stops at SIGTERM")
    (main,) = _children(server.pid)
    before = _children(main)
    _signal(main, signal.SIGHUP)
    assert wait_for(lambda: bool(_children(main)) and not set(_children(main)) & set(before), 60), "SIGHUP changed nothing"
    assert "kibana_system" in browser.open(f"{url}/users/").read().decode()
    _signal(main, signal.SIGTERM)
    assert server.wait(30) == 0, server.returncode


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _signal(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)


def _answers(browser: urllib.request.OpenerDirector, url: str) -> bool:
    try:
        return bool(browser.open(f"{url}/livez", timeout=10).status == 200)
    except OSError:
        return False


def _run(command: list[str], code: int = 0) -> str:
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert run.returncode == code, run.stdout
    return run.stdout


def _say(text: str) -> None:
    print(text, flush=True)


def _print_packages(root: Path) -> None:
    sbom = json.loads((root / "usr/share/doc/usermgmt/sbom.cdx.json").read_text())
    for component in sbom["components"]:
        print(f"  {component['purl']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
    _print_packages(Path(sys.argv[1]))
    _say("The image works.")
