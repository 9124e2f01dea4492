import socket
from pathlib import Path

import pytest

from local_cluster import VERSIONS, LocalClusterError, NoJdk, PortTaken
from local_cluster import build as building
from local_cluster import jdk as jdks
from local_cluster.node import render_settings
from local_cluster.ports import free_ports, is_free, require_free
from local_cluster.secret import keep_secret
from local_cluster.versions import find_release


@pytest.fixture
def jvm_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any JDK, to which tests add some."""
    monkeypatch.setattr(jdks, "JVM_FOLDERS", tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def install_jdk(folder: Path, version: str, compiler: str = "javac") -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / compiler).touch(mode=0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    return folder


def test_the_oldest_fitting_jdk_is_chosen(jvm_folders: Path) -> None:
    for version in ("25.0.1", "21.0.2", "1.8.0_452", "17"):
        install_jdk(jvm_folders / f"jdk-{version}", version)
    assert jdks.find_jdk(range(17, 26)).home == jvm_folders / "jdk-17"
    assert jdks.find_jdk(range(21, 100)).major == 21


def test_java_home_and_path_come_first(jvm_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_jdk(jvm_folders / "a", "17.0.15")
    on_path = install_jdk(jvm_folders / "b", "21")
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    assert jdks.find_jdk(range(17, 26)).home == on_path
    monkeypatch.setenv("JAVA_HOME", str(install_jdk(jvm_folders / "c", "25")))
    assert jdks.find_jdk(range(17, 26)).home == jvm_folders / "c"
    assert jdks.find_jdk(range(17, 22)).home == on_path


def test_a_jre_is_no_jdk(jvm_folders: Path) -> None:
    install_jdk(jvm_folders / "jre", "21", compiler="java")
    with pytest.raises(NoJdk, match=r"9\.5\.3 can't run on this machine: no JDK from 21"):
        find_release("9.5.3").jdk()


def test_an_unknown_version_is_named() -> None:
    with pytest.raises(LocalClusterError, match=r"1\.0 isn't supported\. Choose one of 8\.19\.21, 9\.5\.3"):
        find_release("1.0")


def test_unfinished_or_outdated_build_is_not_current(tmp_path: Path) -> None:
    assert not building.is_current(tmp_path)
    (tmp_path / building.STAMP).write_text("other sources")
    assert not building.is_current(tmp_path)
    (tmp_path / building.STAMP).write_text(building.fingerprint())
    assert building.is_current(tmp_path)


def test_a_build_without_maven_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "TARGET", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(LocalClusterError, match="Maven"):
        building.build(VERSIONS[0])
    assert not list(tmp_path.glob("node-*"))


def test_settings_are_quoted() -> None:
    assert render_settings({"a.b": "it's: *", "c": "on"}) == "a.b: 'it''s: *'\nc: 'on'\n"


def test_free_ports() -> None:
    assert len(set(free_ports(6))) == 6
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTaken, match=str(port)):
            require_free(port)
    assert is_free(port)


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret"
    secret = keep_secret(file)
    assert len(secret) >= 20
    assert keep_secret(file, "another") == secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert keep_secret(tmp_path / "chosen", "by somebody") == "by somebody"
