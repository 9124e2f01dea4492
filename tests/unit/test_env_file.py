import stat
from pathlib import Path

from usermgmt import env_file


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
