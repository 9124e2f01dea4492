"""By which certificates a node on this machine is known: its own, and the authorities that its settings name.

They come from files that only the node's owner can change. So nobody else who listens at the node's port is taken for it, and
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
    """The certificates in PEM, "" without any; `report` hears of each file that cannot be used."""
    found: Certificates = []
    for file, read in _named(folder, settings):
        try:
            found += read(file)
        except (OSError, ValueError) as exc:
            report(f"Couldn't load certificates from {file}: {exc}")
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in found)


def _named(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[Path, Reader]]:
    """Each file that the settings name, or that the node made for itself at its first start, and how it is read."""
    if made_at_first_start := node_settings.authority(folder):
        yield Path(made_at_first_start), _pem
    for name in filter(None, settings.get(f"{SSL}certificate_authorities", "").split(",")):
        yield folder / name.strip(), _pem
    if certificate := settings.get(f"{SSL}certificate"):
        # What else is in there may be an authority of the whole world.
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
    """The node's; or its authority's, which is in the same file when the node made both."""
    return [store.cert.certificate] if store.cert else []


def _all(store: pkcs12.PKCS12KeyAndCertificates) -> Certificates:
    return _own(store) + [other.certificate for other in store.additional_certs]
