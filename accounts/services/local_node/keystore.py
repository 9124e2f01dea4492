"""The settings in `elasticsearch.keystore` of a node on this machine, unless it is protected by a password.

A Lucene file: header, one byte, one block of salt, nonce, and AES-GCM of the entries, footer. Elasticsearch's KeyStoreWrapper
writes it, and upgrades it to the version of the node at each start.
"""

import hashlib
import io
import struct
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.views.decorators.debug import sensitive_variables

FILE: Final = "elasticsearch.keystore"
HEADER: Final = b"\x3f\xd7\x6c\x17" + bytes([len(FILE)]) + FILE.encode()
KEY_BYTES: Final = {6: 16, 7: 32}  # by version
ROUNDS: Final = 210_000


class SecureSettingsError(ValueError):
    """The file can't be read. The message is for the terminal."""


@sensitive_variables()
def read(folder: Path) -> dict[str, bytes]:
    """The settings by name; empty without the file. Raises OSError and SecureSettingsError."""
    try:
        content = io.BytesIO((folder / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    try:
        return _entries(_decrypted(content))
    except (struct.error, InvalidTag, EOFError):
        raise SecureSettingsError(f"{FILE} is damaged") from None


@sensitive_variables()
def _decrypted(content: io.BytesIO) -> bytes:
    header, version = content.read(len(HEADER)), _number(content, ">i")
    if header != HEADER or version not in KEY_BYTES:
        raise SecureSettingsError(f"{FILE} has an unsupported format")
    if content.read(1) != b"\0":
        raise SecureSettingsError(f"{FILE} is password-protected")
    block = io.BytesIO(_block(content, "<i"))
    salt, nonce, encrypted = (_block(block, "<i") for _ in range(3))
    key = hashlib.pbkdf2_hmac("sha512", b"", salt, ROUNDS, KEY_BYTES[version])
    return AESGCM(key).decrypt(nonce, encrypted, salt)


@sensitive_variables()
def _entries(content: bytes) -> dict[str, bytes]:
    stream = io.BytesIO(content)
    return {_block(stream, ">H").decode(): _block(stream, ">i") for _ in range(_number(stream, ">i"))}


def _number(stream: io.BytesIO, layout: str) -> int:
    return int(struct.unpack(layout, stream.read(struct.calcsize(layout)))[0])


@sensitive_variables()
def _block(stream: io.BytesIO, layout: str) -> bytes:
    length = _number(stream, layout)
    block = stream.read(length)
    if len(block) != length:
        raise EOFError
    return block
