"""The certificates that identify a node on this machine: its own, and the CAs in its settings.

They are in files that only the owner of the node can change. So another process on the port of the node isn't trusted, and
nothing has to be configured, as with elasticsearch-reset-password.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from django.views.decorators.debug import sensitive_variables

from accounts.services.local_node import keystore
from accounts.services.local_node import settings as node_settings

SSL: Final = "xpack.security.http.ssl."

Certificates = list[x509.Certificate]
Reader = Callable[[Path], Certificates]


def trusted(folder: Path, settings: Mapping[str, str], report: Callable[[str], None]) -> str:
    """The certificates in PEM format, or ""; `report` gets a message about each file that can't be used."""
    found: Certificates = []
    for file, read in _named(folder, settings):
        try:
            found += read(file)
        except (OSError, ValueError) as exc:
            report(f"Couldn't load certificates from {file}: {exc}")
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in found)


def _named(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[Path, Reader]]:
    """Each file in the settings, or created by the node at its first start, and how to read it."""
    if made_at_first_start := node_settings.authority(folder):
        yield Path(made_at_first_start), _pem
    for name in filter(None, settings.get(f"{SSL}certificate_authorities", "").split(",")):
        yield folder / name.strip(), _pem
    if certificate := settings.get(f"{SSL}certificate"):
        # Its other certificates may be public CAs.
        yield folder / certificate, lambda file: _pem(file)[:1]
    for kind, read in (("keystore", _own), ("truststore", _all)):
        if store := settings.get(f"{SSL}{kind}.path"):
            yield folder / store, partial(_from_store, folder, f"{SSL}{kind}.", settings, read)


def _pem(file: Path) -> Certificates:
    return x509.load_pem_x509_certificates(file.read_bytes())


@sensitive_variables("password")
def _from_store(
    folder: Path,
    prefix: str,
    settings: Mapping[str, str],
    read: Callable[[pkcs12.PKCS12KeyAndCertificates], Certificates],
    file: Path,
) -> Certificates:
    password = keystore.read(folder).get(f"{prefix}secure_password") or settings.get(f"{prefix}password", "").encode()
    return read(pkcs12.load_pkcs12(file.read_bytes(), password or None))


def _own(store: pkcs12.PKCS12KeyAndCertificates) -> Certificates:
    """The certificate of the node, or of its CA if the node created both in one file."""
    return [store.cert.certificate] if store.cert else []


def _all(store: pkcs12.PKCS12KeyAndCertificates) -> Certificates:
    return _own(store) + [other.certificate for other in store.additional_certs]
