import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from accounts import checks
from tests.support.mounts import mounted
from usermgmt import env_file
from usermgmt.configuration import Environment
from usermgmt.secret_files import is_exposed

TOP = Path(__file__).resolve().parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_env_file_keeps_other_lines_and_mode(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nA=1\nB=old\n")

    env_file.update(file, {"B": "new", "C": "x=y"})

    assert file.read_text() == "# mine\nA=1\nB=new\nC=x=y\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert env_file.read(file) == {"A": "1", "B": "new", "C": "x=y"}


def test_a_missing_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert env_file.read(file) == {}
    env_file.update(file, {"A": "1"})
    assert env_file.read(file) == {"A": "1"}


@as_root
@pytest.mark.parametrize(("mode", "kept"), [(0o640, 0o640), (0o644, 0o600), (0o660, 0o600), (0o400, 0o600)])
def test_service_can_still_read_the_file(tmp_path: Path, mode: int, kept: int) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\n")
    file.chmod(mode)
    os.chown(file, 0, NOBODY)
    env_file.update(file, {"A": "2"})
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, NOBODY, kept)


def test_link_to_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file, link = tmp_path / "etc/env", tmp_path / "env"
    link.symlink_to(file)
    for values in ({"A": "1"}, {"A": "2"}):
        env_file.require_writable(link)
        env_file.update(link, values)
        assert (link.is_symlink(), file.is_symlink(), env_file.read(link)) == (True, False, values)
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(ImproperlyConfigured, match=f"{link} can't be read"):
        env_file.require_writable(link)


def test_read_only_mount_is_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "env").write_text("A=1\n")
    with mounted(source, target, read_only=True):
        assert env_file.read(target / "env") == {"A": "1"}
        with pytest.raises(ImproperlyConfigured, match="can't be written: Read-only file system"):
            env_file.require_writable(target / "env")


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everyone can enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def closed(folder: Path) -> Path:
    """A file in a folder that only root can enter."""
    (folder / "closed").mkdir(mode=0o700)
    file = folder / "closed" / "file"
    file.write_text("SECRET_KEY=canary\n")
    return file


@as_root
@pytest.mark.parametrize("name", ["ENV_FILE", "SECRET_KEY_FILE", "ELASTICSEARCH_CA_CERTS", "ELASTICSEARCH_CLIENT_CERTFILE"])
def test_closed_folder_is_a_message(closed: Path, name: str) -> None:
    program = f"import os; os.seteuid({NOBODY}); from usermgmt import settings"
    variables = {"ELASTICSEARCH_HOSTS": "https://127.0.0.1:9200", "ELASTICSEARCH_CLIENT_KEYFILE": str(closed)}
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **variables, name: str(closed)}
    ended = subprocess.run([sys.executable, "-c", program], cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert str(closed) in last
    assert "can't be read" in last
    assert "canary" not in ended.stderr


@pytest.mark.parametrize(
    ("mode", "exposed"),
    [(0o600, False), (0o400, False), (0o640, False), (0o660, False), (0o644, True), (0o444, True), (0o602, True)],
)
def test_exposed_file(folder: Path, settings: Settings, mode: int, exposed: bool) -> None:
    file, link = folder / "env", folder / "link"
    file.write_text("")
    file.chmod(mode)
    link.symlink_to(file)
    assert is_exposed(str(file)) is is_exposed(str(link)) is exposed
    settings.SECRET_FILES = {"ENV_FILE": str(link)}
    found = [(message.id, message.msg, message.hint) for message in checks.secrets_are_private()]
    problem = f"ENV_FILE: Every user of this machine can read or change {link}, which has secrets."
    remedy = f"Run chmod o= {link}. The user that runs usermgmt must own it, or be in its group."
    assert found == ([("accounts.W009", problem, remedy)] if exposed else [])


def test_not_exposed(folder: Path, closed: Path) -> None:
    """In a folder that others can't enter, as Kubernetes mounts a Secret, and what isn't a file."""
    closed.chmod(0o644)
    assert not is_exposed(str(closed))
    version = folder / "..2026_11_29"
    version.mkdir()
    (version / "key").write_text("x")
    (folder / "..data").symlink_to(version.name)
    (folder / "key").symlink_to("..data/key")
    assert not is_exposed(str(folder / "key"))
    loop = folder / "loop"
    loop.symlink_to(loop)
    for path in (os.devnull, str(folder), str(folder / "missing"), str(loop)):
        assert not is_exposed(path)


def test_files_with_secrets_are_known(tmp_path: Path) -> None:
    env, key = tmp_path / "env", tmp_path / "key"
    key.write_text("k" * 40)
    env.write_text(f"HTTPS=false\nELASTICSEARCH_API_KEY=\nSECRET_KEY_FILE={key}\n")
    assert Environment({"ENV_FILE": str(env)}, env).secret_files == {"SECRET_KEY_FILE": str(key)}
    env.write_text("ELASTICSEARCH_API_KEY=x\n")
    assert Environment({}, env).secret_files == {"ENV_FILE": str(env)}
