"""Responses that say that the cluster isn't set up the way usermgmt needs, whoever sent the request."""

import re
from collections.abc import Mapping
from typing import Any, Final

from elastic_transport import TlsError, TransportError
from elasticsearch import ApiError, UnsupportedProductError

from accounts.services import errors
from accounts.services.client.authority import AuthorityNotFound
from accounts.services.client.curl_node import HttpsRequired
from usermgmt.paths import COMMAND

REQUIREMENT: Final = "usermgmt needs Elasticsearch 8.15 or later with security enabled"
PRODUCT_HEADER: Final = "x-elastic-product"
NO_SUCH_API: Final = ("no handler found for uri", "Incorrect HTTP method for uri")
# Proxies also answer these with a page of their own, and then Elasticsearch is only unavailable.
NOT_NOW: Final = (408, 413, 429)
SHARD_LIMIT: Final = re.compile(r"Validation Failed: \d+: this action would add \[\d+\] (\w+ )?shards")
# Alerts of TLS, with which the other side rejects our certificate or the lack of one.
NO_CLIENT_CERTIFICATE: Final = re.compile(
    r" alert ((bad|unsupported) certificate|certificate (required|revoked|expired|unknown)|unknown ca|access denied)"
)
PAGE_OF_NGINX: Final = "SSL certificate"  # with ssl_verify_client; it accepts the connection
HANDSHAKE_FAILURE: Final = " alert handshake failure"
# In words of OpenSSL, libcurl, and Python.
UNUSABLE_FILE: Final = re.compile(
    "load PEM client certificate|unable to set private key|key values mismatch|trust anchors|NO_CERTIFICATE_OR_CRL|PEM lib"
    "|private key is encrypted|No such file|Permission denied"
)
NO_TLS: Final = re.compile(r"wrong version number|http request|packet length too long|record layer failure", re.IGNORECASE)

SOMETHING_ELSE: Final = (
    "Something other than Elasticsearch responds at ELASTICSEARCH_HOSTS, or a proxy in front of Elasticsearch rejects requests or "
    "removes the header X-Elastic-Product. An administrator must check the setting and the proxy."
)
OTHER_COMPATIBILITY: Final = f"This version of Elasticsearch doesn't accept the requests of usermgmt. {REQUIREMENT}."
MISSING_API: Final = f"This cluster doesn't have an API that usermgmt calls. {REQUIREMENT}."
PLAIN_HTTP: Final = (
    "ELASTICSEARCH_HOSTS has https://, but the port doesn't use HTTPS. An administrator must write http://, or another port."
)
HTTPS_REQUIRED: Final = "ELASTICSEARCH_HOSTS has http://, but the port uses HTTPS. An administrator must write https://."
UNTRUSTED: Final = (
    "usermgmt doesn't trust the certificate of Elasticsearch. An administrator must set ELASTICSEARCH_CA_CERTS (or "
    "ELASTICSEARCH_CA_FINGERPRINT) to the CA that issued it, use a hostname in ELASTICSEARCH_HOSTS that it contains, and renew it "
    "if it has expired."
)
OTHER_FINGERPRINT: Final = (
    "Elasticsearch sends no certificate with the fingerprint in ELASTICSEARCH_CA_FINGERPRINT. An administrator must set it to the "
    "SHA-256 fingerprint of the CA that issued the certificate of Elasticsearch. If Elasticsearch doesn't send the certificate of "
    "its CA, set ELASTICSEARCH_CA_CERTS instead."
)
PKI_FIRST: Final = (
    "A PKI realm takes the client certificate of usermgmt for the credentials of every user. An administrator must give the realms "
    "of the users a lower order on each node, and restart the nodes."
)
CLIENT_CERTIFICATE: Final = (
    "Elasticsearch, or a proxy in front of it, requires a client certificate that it trusts. An administrator must set "
    "ELASTICSEARCH_CLIENT_CERTFILE and ELASTICSEARCH_CLIENT_KEYFILE to a valid one, issued by a CA in "
    "`xpack.security.http.ssl.certificate_authorities`."
)
HANDSHAKE_REFUSED: Final = (
    "Elasticsearch, or a proxy in front of it, rejects the TLS connection. If it requires a client certificate, an administrator "
    "must set ELASTICSEARCH_CLIENT_CERTFILE and ELASTICSEARCH_CLIENT_KEYFILE. Otherwise, it must support TLS 1.2 or 1.3 with a "
    "current cipher."
)
FILE_CHANGED: Final = (
    "A file in ELASTICSEARCH_CA_CERTS, ELASTICSEARCH_CLIENT_CERTFILE, or ELASTICSEARCH_CLIENT_KEYFILE can't be used any more. "
    f"An administrator must run `{COMMAND} check`, which says why."
)
DISK_FULL: Final = (
    "A disk of Elasticsearch is almost full, so indices are read-only (`index.blocks.read_only_allow_delete`). An administrator "
    "must free disk space or add a node."
)
READ_ONLY_INDEX: Final = (
    "An index is read-only. An administrator must remove `index.blocks.write` and `index.blocks.read_only` from its settings."
)
READ_ONLY_CLUSTER: Final = (
    "The cluster is read-only. An administrator must remove `cluster.blocks.read_only` and `cluster.blocks.read_only_allow_delete` "
    "from its settings."
)


def of_response(exc: ApiError, *, is_read: bool) -> errors.NotSetUp | None:
    """A response of something else, or of an Elasticsearch without the API."""
    if isinstance(exc, UnsupportedProductError):  # a 2xx: a change may have been applied
        return errors.UnsupportedCluster(_description(exc), SOMETHING_ELSE) if is_read else None
    if _is_page_of_a_proxy(exc):
        is_about_certificate = PAGE_OF_NGINX in exc.body
        return errors.UnsupportedCluster(_description(exc), CLIENT_CERTIFICATE if is_about_certificate else SOMETHING_ELSE)
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    if isinstance(error, str) and error.startswith(NO_SUCH_API):
        return errors.UnsupportedCluster(error, MISSING_API)
    if isinstance(error, dict) and error.get("type") == "media_type_header_exception":
        return errors.UnsupportedCluster(str(error.get("reason")), OTHER_COMPATIBILITY)
    return None


def of_error(error: Mapping[str, Any], status: int) -> errors.NotSetUp | None:
    """An error of a response, or of an item of `_bulk`, that rejects a write because of a limit of the cluster."""
    reason = str(error.get("reason"))
    # With 503, the cluster has no master or isn't recovered yet.
    if error.get("type") == errors.WritesBlocked.code and status in (403, 429):
        return errors.WritesBlocked(reason, _cause_of_block(reason))
    return errors.NoShardsLeft(reason) if SHARD_LIMIT.match(reason) else None


def of_connection(exc: TransportError) -> errors.TlsMismatch | None:
    """A connection that isn't HTTPS, or not that of the expected node. Nothing was sent over it."""
    if not isinstance(exc, TlsError):
        return None
    if isinstance(exc, HttpsRequired):
        return errors.TlsMismatch(exc.message, HTTPS_REQUIRED)
    if isinstance(exc, AuthorityNotFound):
        return errors.TlsMismatch(exc.message, OTHER_FINGERPRINT)
    if NO_TLS.search(exc.message):
        return errors.TlsMismatch(exc.message, PLAIN_HTTP)
    if NO_CLIENT_CERTIFICATE.search(exc.message):
        return errors.TlsMismatch(exc.message, CLIENT_CERTIFICATE)
    if HANDSHAKE_FAILURE in exc.message:
        return errors.TlsMismatch(exc.message, HANDSHAKE_REFUSED)
    if UNUSABLE_FILE.search(exc.message):
        return errors.TlsMismatch(exc.message, FILE_CHANGED)
    # Otherwise, the node may be starting or stopping.
    return errors.TlsMismatch(exc.message, UNTRUSTED) if "certificate" in exc.message else None


def _is_page_of_a_proxy(exc: ApiError) -> bool:
    """Whether this isn't a response of Elasticsearch, which always sends JSON. A proxy without its Elasticsearch sends a 5xx."""
    is_text = isinstance(exc.body, str) and bool(exc.body)
    return is_text and 300 <= exc.status_code < 500 and exc.status_code not in NOT_NOW and PRODUCT_HEADER not in exc.meta.headers


def _description(exc: ApiError) -> str:
    """Without the body, which may be a whole page."""
    return f"HTTP status {exc.meta.status}, {exc.meta.headers.get('content-type', 'no content type')}, without X-Elastic-Product"


def _cause_of_block(reason: str) -> str:
    if "cluster read-only" in reason:
        return READ_ONLY_CLUSTER
    return DISK_FULL if "flood-stage" in reason else READ_ONLY_INDEX
