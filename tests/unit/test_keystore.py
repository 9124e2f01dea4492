import base64
from pathlib import Path

import pytest

from accounts.services.local_node import keystore

# Made by Elasticsearch 8.19.21's KeyStoreWrapper, with the password `only-for-this-test` for an HTTP keystore.
KEYSTORE = base64.b64decode(
    """
    P9dsFxZlbGFzdGljc2VhcmNoLmtleXN0b3JlAAAABwDbAAAAQAAAAM2OGo6jCJdqrsWVkfP5LKmVMMsqdD7cpDiWZ7wIQ9Ai95qYauUmeqeKHp1pH+IjI59B
    kUmRLgOzdbcFIgENCKcMAAAAhxQ+IKMOwdG2ne8BgwAAAG1bE06cn2M8v/eiEDF6mVpU7vFjx7proamsLfOscErcCgUykJyb50Z/J3ej694hZYRt4LQp/IRT
    aUBY6aLWXeA2dkv8BIsZvHwioE5vDDByPNpisarN23VZImwWsU0FsSIjA00h00sDfO7ZZoYhGLQigQ0x7R7LZDWyxWmQ4FmYtYknwCiT6AAAAAAAAAAAy2V2
    Xw==
    """
)
VERSION, PROTECTED = len(keystore.HEADER) + 3, len(keystore.HEADER) + 4


def changed(position: int, byte: int) -> bytes:
    content = bytearray(KEYSTORE)
    content[position] = byte
    return bytes(content)


def test_what_elasticsearch_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "elasticsearch.keystore").write_bytes(KEYSTORE)
    assert keystore.read(tmp_path)["xpack.security.http.ssl.keystore.secure_password"] == b"only-for-this-test"


def test_without_the_file_there_is_nothing(tmp_path: Path) -> None:
    assert keystore.read(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(PROTECTED, 1), "password-protected"),
        (changed(VERSION, 9), "unsupported format"),
        (changed(VERSION, 6), "damaged"),  # another key
        (b"", "damaged"),
        (b"an older file, or of something else", "unsupported format"),
        *((KEYSTORE[:length], "damaged") for length in (PROTECTED + 3, PROTECTED + 10, len(KEYSTORE) // 2)),
        (changed(len(KEYSTORE) // 2, 0), "damaged"),
    ],
)
def test_unreadable_file_is_reported(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "elasticsearch.keystore").write_bytes(content)
    with pytest.raises(keystore.SecureSettingsError, match=words):
        keystore.read(tmp_path)
