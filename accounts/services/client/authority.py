"""The CA with the fingerprint in ELASTICSEARCH_CA_FINGERPRINT, which a node sends along with its own certificate.

Once found, it is the only CA that this process trusts, and OpenSSL verifies signature, validity, and hostname of each connection.
To look for the fingerprint in the chain of each connection instead, as elastic_transport does, isn't enough: with verification
turned off, the chain of a forged certificate also ends with the CA that it claims to be from.
"""

import hashlib
import ssl
from typing import Final

import pycurl
from elastic_transport import BaseNode, TlsError

from accounts.services.client import curl

# By fingerprint, in PEM format. Which node sent a certificate doesn't matter.
_found: Final[dict[str, str]] = {}


class AuthorityNotFound(TlsError):
    """The node sends no certificate with the fingerprint."""


def authority(node: BaseNode, seconds: float | None) -> str:
    """The certificate with the fingerprint in the configuration of the node, in PEM format. Asks nodes only until one has sent it.

    Raises AuthorityNotFound, and as `curl.perform` does.
    """
    fingerprint = node.config.ssl_assert_fingerprint or ""
    if fingerprint not in _found:
        _found[fingerprint] = _find(fingerprint, _sent_by(node, seconds))
    return _found[fingerprint]


def found_authority(fingerprint: str) -> str:
    """The certificate in PEM format; "" as long as no node has sent it."""
    return _found.get(fingerprint, "")


def _find(fingerprint: str, certificates: list[bytes]) -> str:
    for certificate in certificates:
        if hashlib.sha256(certificate).hexdigest() == fingerprint:
            return ssl.DER_cert_to_PEM_cert(certificate)
    raise AuthorityNotFound("No certificate of the node has the fingerprint")


def _sent_by(node: BaseNode, seconds: float | None) -> list[bytes]:
    """All certificates that the node sends, in DER format. Nothing is sent to it except the client certificate."""
    handle = curl.handle(node.config)
    try:
        handle.setopt(pycurl.URL, node.base_url)
        handle.setopt(pycurl.CONNECT_ONLY, True)
        handle.setopt(pycurl.OPT_CERTINFO, True)
        handle.setopt(pycurl.SSL_VERIFYPEER, False)
        handle.setopt(pycurl.SSL_VERIFYHOST, 0)
        curl.perform(handle, seconds)
        return [ssl.PEM_cert_to_DER_cert(dict(each)[b"Cert"].decode()) for each in handle.getinfo_raw(pycurl.INFO_CERTINFO)]
    finally:
        handle.close()
