"""A lost elastic password, recovered by the command alone on the node's own host; and the command, killed at every step."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from accounts.services import audit
from accounts.services.local_node import recovery
from local_cluster import basic
from local_cluster.node import wait_for
from tests.support.mounts import mounted
from tests.support.nodes import TestNode
from tests.support.reset_password import ROOT, Run, environment, in_process, manage

USERS = b"# nobody but\nfrida:$2a$10$abcdefghijklmnopqrstuv"
ROLES = b"viewer:frida"
# What the command says with -v after each step, before the next.
STEPS = ("to the file realm", "The node has loaded", "Cluster health is", "successfully reset", "from the file realm")
KILLS = [
    *((signal.SIGKILL, step) for step in STEPS),
    *((signal.SIGINT, step) for step in (STEPS[0], STEPS[3])),
    *((signal.SIGTERM, step) for step in (STEPS[1], STEPS[2])),
]
TEMPORARY_PASSWORD = "known-to-the-test"


@pytest.fixture
def folder(node: TestNode) -> Iterator[Path]:
    """The node's config folder, with a file realm that belongs to another than who runs this, where that can be."""
    for name, content, mode in (("users", USERS, 0o640), ("users_roles", ROLES, 0o604)):
        (node.config / name).write_bytes(content)
        (node.config / name).chmod(mode)
        if os.geteuid() == 0:
            os.chown(node.config / name, 12345, 12346)
    yield node.config
    for name in ("users", "users_roles"):
        (node.config / name).unlink(missing_ok=True)


@pytest.fixture
def described(folder: Path) -> Iterator[Path]:
    """The folder; a test can describe the running node in other words, which the node reads only when it starts."""
    yml = folder / "elasticsearch.yml"
    before = yml.read_bytes()
    yield folder
    yml.write_bytes(before)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process, without credentials."""
    monkeypatch.delenv("ELASTICSEARCH_PASSWORD", raising=False)
    return in_process(monkeypatch)


@pytest.fixture
def elastic_comes_back(node: TestNode) -> Iterator[None]:
    """Give elastic the old password, which everybody else here uses."""
    node.put_user("spare", roles=["superuser"], password="spare-password")
    yield
    node.elastic.options(basic_auth=basic("spare", "spare-password")).security.change_password(
        username="elastic", password=node.elastic_password
    )


def state(folder: Path) -> dict[str, Any]:
    files = [file for file in folder.iterdir() if file.name.startswith("users")]
    return {file.name: (file.read_bytes(), file.stat().st_mode, file.stat().st_uid, file.stat().st_gid) for file in files}


@contextmanager
def started(*args: str, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    """The command at work; so that the test can sign in as the temporary user, the password is not random."""
    known = "import os, runpy, secrets; secrets.token_urlsafe = lambda size: os.environ['KNOWN']; "
    run = [
        sys.executable,
        "-c",
        f"{known}runpy.run_path({str(ROOT / 'manage.py')!r}, run_name='__main__')",
        "reset_password",
        *args,
    ]
    variables, pipe = {**variables, "KNOWN": TEMPORARY_PASSWORD}, subprocess.PIPE
    with subprocess.Popen(run, env=environment(**variables), stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        yield process


def read_until(run: "subprocess.Popen[str]", step: str) -> str:
    assert run.stdout
    said = ""
    while step not in said:
        line = run.stdout.readline()
        assert line, said
        said += line
    return said


def wait_for_watchdog(folder: Path) -> None:
    """It holds the lock until it is through."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def configured(node: TestNode) -> dict[str, str]:
    """Neither the elastic password nor the node's address: that is in its elasticsearch.yml."""
    return {"ELASTICSEARCH_HOSTS": "http://127.0.0.1:1", "ELASTICSEARCH_API_KEY": node.api_key}


@pytest.mark.usefixtures("elastic_comes_back")
def test_elastic_password_recovery_without_credentials(node: TestNode, folder: Path) -> None:
    before = state(folder)
    ended = manage("-u", "elastic", "-b", "-s", "--es-path-conf", str(folder), **configured(node))
    assert (ended.code, ended.err) == (0, "")
    assert node.signs_in("elastic", ended.out.removesuffix("\n"))
    assert state(folder) == before


@pytest.mark.parametrize(("number", "step"), KILLS)
def test_killed_recovery_leaves_no_superuser(node: TestNode, folder: Path, number: int, step: str) -> None:
    node.put_user("jdoe")
    before = state(folder)
    with started("-u", "jdoe", "-b", "-v", "--es-path-conf", str(folder), **configured(node)) as run:
        said = read_until(run, step)
        temporary = said.partition("temporary user [")[2].partition("]")[0]
        if step == STEPS[0]:
            run.send_signal(signal.SIGSTOP)
            assert wait_for(lambda: node.signs_in(temporary, TEMPORARY_PASSWORD), 30)
        run.send_signal(number)
        run.send_signal(signal.SIGCONT)
        errors = run.communicate()[1]
    wait_for_watchdog(folder)
    assert state(folder) == before, errors
    assert "Traceback" not in errors
    assert wait_for(lambda: not node.signs_in(temporary, TEMPORARY_PASSWORD), 30)


def test_many_resets_are_in_the_audit_trail(node: TestNode, folder: Path, run: Run, tmp_path: Path) -> None:
    node.put_user("jdoe")
    (tmp_path / "names").write_text("jdoe\nbeats_system\n")
    ended = run("--from", str(tmp_path / "names"), "-b", "--es-path-conf", str(folder))
    rows = [line.split("\t") for line in (tmp_path / "names.passwords").read_text().splitlines()[1:]]
    assert (ended.code, [row[0] for row in rows]) == (0, ["jdoe", "beats_system"])
    assert all(node.signs_in(row[0], row[1]) for row in rows)
    node.elastic.indices.refresh(index="usermgmt-*", expand_wildcards="all")
    event = audit.of_target("user", "beats_system").events[0]
    assert (event.outcome, event.actor.realm_type, event.actor.command) == ("success", "operating system", "reset_password")


def test_no_password_is_in_the_list_of_processes(node: TestNode, folder: Path) -> None:
    """Neither the temporary user's nor the new one: not in an argument, nor in the watchdog's variables."""
    node.put_user("jdoe")
    with started("-u", "jdoe", "-b", "-v", "--es-path-conf", str(folder), **configured(node)) as run:
        said = read_until(run, STEPS[0])
        run.send_signal(signal.SIGSTOP)
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        seen = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [str(run.pid), *children])
        watchdogs = b"".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in children)
        run.send_signal(signal.SIGCONT)
        said += run.communicate()[0]
    password = said.partition("New value: ")[2].splitlines()[0]
    assert children
    assert b"file_realm.py" in seen
    assert [secret for secret in (TEMPORARY_PASSWORD, password, node.api_key) if secret.encode() in seen + watchdogs] == []


@pytest.mark.parametrize("missing", ["users", "users_roles"])
def test_missing_file_is_a_configuration_error(node: TestNode, folder: Path, run: Run, missing: str) -> None:
    (folder / missing).unlink()
    ended = run("-u", "jdoe", "-b", "--es-path-conf", str(folder))
    assert (ended.code, f"File realm configuration file [{folder / missing}] is missing" in ended.err) == (78, True)


def test_disabled_file_realm_is_a_configuration_error(folder: Path, run: Run) -> None:
    off = "xpack.security.authc.realms.file.file1.enabled=false"
    ended = run("-u", "jdoe", "-b", "--es-path-conf", str(folder), "-E", off)
    assert (ended.code, "File realm must be enabled" in ended.err) == (78, True)


def test_a_node_that_is_not_there_is_unavailable(folder: Path, run: Run) -> None:
    before = state(folder)
    ended = run("-u", "jdoe", "-b", "--es-path-conf", str(folder), "-E", "http.port=1")
    assert (ended.code, "localhost:1 isn't responding" in ended.err or "127.0.0.1:1 isn't responding" in ended.err) == (69, True)
    assert state(folder) == before


def test_node_of_another_folder_is_reported(
    node: TestNode, folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RELOAD_TIMEOUT_SECONDS", 0.5)
    for name in ("elasticsearch.yml", "users", "users_roles"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    ended = run("-u", "jdoe", "-b", "--es-path-conf", str(tmp_path))
    assert (ended.code, "doesn't use this file realm" in ended.err) == (65, True)
    assert (tmp_path / "users").read_bytes() == USERS


def test_es_path_conf_variable(folder: Path, node: TestNode, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe")
    monkeypatch.setenv("ES_PATH_CONF", str(folder))
    ended = run("-u", "jdoe", "-b", "-s", "--es-path-conf")
    assert ended.code == 0, ended.err
    assert node.signs_in("jdoe", ended.out.removesuffix("\n"))


def test_es_path_conf_variable_without_credentials(folder: Path, node: TestNode, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put_user("jdoe")
    monkeypatch.setenv("ES_PATH_CONF", str(folder))
    ended = run("-u", "jdoe", "-b", "-s")
    assert ended.code == 0, ended.err
    assert node.signs_in("jdoe", ended.out.removesuffix("\n"))


def test_es_path_conf_variable_with_credentials(folder: Path, node: TestNode, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives credentials acts with them."""
    before = state(folder)
    monkeypatch.setenv("ES_PATH_CONF", str(folder))
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "wrong-one")
    ended = run("-u", "jdoe", "-b")
    assert (ended.code, "rejected the credentials" in ended.err) == (65, True)
    assert state(folder) == before


def test_the_option_without_a_folder_needs_the_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ES_PATH_CONF", raising=False)
    ended = run("-u", "jdoe", "-b", "--es-path-conf")
    assert (ended.code, "Set ES_PATH_CONF" in ended.err) == (78, True)


@pytest.mark.parametrize(
    ("in_file", "variables"),
    [
        ("1", {"http.port": "{port}"}),
        ("1", {"ES_SETTING_HTTP_PORT": "{port}"}),
        ("1", {"http.port": "${ES_PORT}", "ES_PORT": "{port}"}),
        ("${ES_PORT}", {"ES_PORT": "{port}"}),
        ("${ES_PORT:{port}}", {}),
    ],
)
def test_settings_in_the_environment(
    node: TestNode, run: Run, described: Path, monkeypatch: pytest.MonkeyPatch, in_file: str, variables: dict[str, str]
) -> None:
    port = node.url.rpartition(":")[2]
    (described / "elasticsearch.yml").write_text(f"network.host: 127.0.0.1\nhttp.port: {in_file.replace('{port}', port)}\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("{port}", port))
    node.put_user("jdoe")
    ended = run("-u", "jdoe", "-b", "-s", "--es-path-conf", str(described))
    assert (ended.code, ended.err) == (0, "")
    assert node.signs_in("jdoe", ended.out.removesuffix("\n"))


def test_missing_environment_variable_is_a_configuration_error(run: Run, described: Path) -> None:
    (described / "elasticsearch.yml").write_text("network.host: 127.0.0.1\nhttp.port: ${ES_PORT}\n")
    before = state(described)
    ended = run("-u", "jdoe", "-b", "--es-path-conf", str(described))
    assert (ended.code, "[http.port]" in ended.err, "${ES_PORT}, which is not set" in ended.err) == (78, True, True)
    assert state(described) == before


@pytest.mark.parametrize("side", ["container", "host"])
def test_file_realm_mounted_file_by_file(node: TestNode, folder: Path, run: Run, tmp_path: Path, side: str) -> None:
    """As in a container, whose folder this is then; or on its host, where the folder with the mounted files is."""
    for name in ("elasticsearch.yml", "users", "users_roles"):
        shutil.copy2(folder / name, tmp_path)
    node.put_user("jdoe")
    with mounted(tmp_path / "users", folder / "users"), mounted(tmp_path / "users_roles", folder / "users_roles"):
        ended = run("-u", "jdoe", "-b", "-s", "--es-path-conf", str(folder if side == "container" else tmp_path))
        assert (ended.code, ended.err) == (0, "")
        assert (folder / "users").read_bytes() == (tmp_path / "users").read_bytes() == USERS
        assert (folder / "users_roles").read_bytes() == (tmp_path / "users_roles").read_bytes() == ROLES
    assert node.signs_in("jdoe", ended.out.removesuffix("\n"))


def test_read_only_folder_is_a_configuration_error(folder: Path, run: Run) -> None:
    before = state(folder)
    with mounted(folder, folder, read_only=True):
        ended = run("-u", "jdoe", "-b", "--es-path-conf", str(folder))
    assert (ended.code, "users_roles: Read-only file system." in ended.err) == (78, True)
    assert state(folder) == before
