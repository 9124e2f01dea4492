"""Writes go through urllib3, which sends a request once. It trusts the same certificates as reads do."""

import ssl
from typing import Any, Final

import certifi
import urllib3.connection
from elastic_transport import HttpHeaders, NodeConfig, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT, DefaultType
from urllib3.exceptions import ConnectTimeoutError, SSLError

from accounts.services.client.authority import authority

SECONDS_FOR_ONE_OF_SEVERAL: Final = 2  # then there is another host to ask


class NotConnected(SSLError):
    """There is no TLS connection, so nothing was sent."""


class _Connection(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        """Raises NotConnected if the handshake fails, or if the file of a certificate can't be read."""
        try:
            super().connect()
        except TimeoutError as exc:  # of the handshake; urllib3 would call it one of reading a response
            raise ConnectTimeoutError(self, "The node doesn't answer the TLS handshake") from exc
        except OSError as exc:  # ssl.SSLError is one
            raise NotConnected(exc) from exc

    def request(self, *args: Any, **options: Any) -> None:
        """As urllib3 does for connections without TLS, read the response even if the node doesn't receive all of the request.

        With TLS 1.3, it may be the reason why the node rejects the client certificate.
        """
        try:
            super().request(*args, **options)
        except ssl.SSLEOFError:
            pass


class _Impatient:
    """A connection that gives up when it can't be made soon, before anything was sent."""

    timeout: Any
    sock: Any

    def connect(self) -> None:
        timeout = self.timeout
        self.timeout = min(timeout, SECONDS_FOR_ONE_OF_SEVERAL)
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self.timeout = timeout
        self.sock.settimeout(timeout)


class _ImpatientConnection(_Impatient, _Connection):
    pass


class _ImpatientPlainConnection(_Impatient, urllib3.connection.HTTPConnection):
    pass


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


class Urllib3Node(Urllib3HttpNode):
    """One host, as elastic_transport's `node_class`, that verifies certificates as CurlNode does, with any Python.

    The node of elastic_transport also trusts the CAs of the system, and with a fingerprint it accepts forged certificates, see
    `authority`. Here, as there from Python 3.13, the certificate of a node can be its own CA. Unlike there from Python 3.13, a CA
    needs no `keyUsage`, which CAs created by older versions of Elasticsearch don't have.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._needs_authority = bool(config.ssl_assert_fingerprint)
        if config.scheme == "https":
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            self.pool = _Pool(
                config.host,
                config.port,
                timeout=urllib3.Timeout(total=config.request_timeout),
                maxsize=config.connections_per_node,
                block=True,
                ssl_context=self._context,  # into which urllib3 loads the files
                cert_reqs="CERT_REQUIRED",
                ca_certs=None if self._needs_authority else config.ca_certs or certifi.where(),
                cert_file=config.client_cert,
                key_file=config.client_key,
                assert_hostname=config.ssl_assert_hostname,
            )

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> Any:
        """Send one request once; see BaseNode. With a fingerprint, nobody is trusted until the CA was found."""
        if self._needs_authority:
            seconds = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
            self._context.load_verify_locations(cadata=authority(self, seconds))
            self._needs_authority = False
        return super().perform_request(method, target, body, headers, request_timeout)


class ImpatientUrllib3Node(Urllib3Node):
    """One of several hosts: if there is no connection after SECONDS_FOR_ONE_OF_SEVERAL, the request can go to the next one."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.pool.ConnectionCls = _ImpatientConnection if config.scheme == "https" else _ImpatientPlainConnection
