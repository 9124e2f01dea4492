"""Reads leave this process through libcurl, which needs a third of urllib3's time for a small response.

Writes don't: libcurl repeats a request when a kept-alive connection turns out to be closed, and a write is sent once.
"""

import gzip
import socket
import ssl
import time
from collections import deque
from typing import Final, NamedTuple

import certifi
import pycurl
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, NodeConfig, TlsError
from elastic_transport.client_utils import DEFAULT, DefaultType

from accounts.services.client import curl
from accounts.services.client.authority import authority

SECONDS_FOR_HANDSHAKE: Final = 2


class HttpsRequired(TlsError):
    """The URL has http://, but the port uses HTTPS."""


class Response(NamedTuple):
    """What BaseNode calls NodeApiResponse, which has no public name."""

    meta: ApiResponseMeta
    body: bytes


class CurlNode(BaseNode):
    """One host, for the `node_class` of elastic_transport. It keeps one connection per thread that uses it concurrently."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._idle: deque[_Handle] = deque()

    def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> Response:
        """Send one request; see BaseNode. Raises ConnectionTimeout, TlsError, and ConnectionError."""
        seconds = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        merged = {**self._headers, **(headers or {})}
        started = time.monotonic()
        handle = self._take(seconds)
        try:
            status, received, content = handle.exchange(method, f"{self.base_url}{target}", body, merged, seconds)
        except curl.EmptyReply as exc:
            if self.config.scheme == "http" and _speaks_tls(self.config.host, self.config.port):
                raise HttpsRequired(exc.message) from exc
            raise
        except curl.SendFailed as exc:
            if self.config.scheme == "https" and (alert := _alert(self.config)):
                raise TlsError(alert) from exc
            raise
        finally:
            handle.reset()
            self._idle.append(handle)
        meta = ApiResponseMeta(status, "1.1", received, time.monotonic() - started, self.config)
        return Response(meta, gzip.decompress(content) if received.get("content-encoding") == "gzip" else content)

    def close(self) -> None:
        """End the idle connections."""
        while self._idle:
            self._idle.pop().curl.close()

    def _take(self, seconds: float | None) -> "_Handle":
        try:
            return self._idle.pop()
        except IndexError:
            return _Handle(self.config, authority(self, seconds) if self.config.ssl_assert_fingerprint else None)


class _Handle:
    """A handle of libcurl with its connection; the options that all requests share are set once."""

    def __init__(self, config: NodeConfig, authority: str | None) -> None:
        """`authority`: a CA to trust instead of those in the configuration."""
        self.curl = curl.handle(config)
        self._head, self._body = bytearray(), bytearray()
        self.curl.setopt(pycurl.HEADERFUNCTION, self._head.extend)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._body.extend)
        self.curl.setopt(pycurl.PATH_AS_IS, True)  # `..` is a username, not the parent folder
        if config.scheme == "https":
            self.curl.unsetopt(pycurl.CAPATH)  # some builds of libcurl also trust the CAs of the system
            if authority:
                self.curl.setopt(pycurl.CAINFO_BLOB, authority)
            else:
                self.curl.setopt(pycurl.CAINFO, config.ca_certs or certifi.where())
            self.curl.setopt(pycurl.SSL_VERIFYHOST, 2 if config.ssl_assert_hostname is None else 0)

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], seconds: float | None
    ) -> tuple[int, HttpHeaders, bytes]:
        """Status, headers, and body of the response to one request."""
        self.curl.setopt(pycurl.HTTPGET, True)  # undoes what the previous request may have set: a body, or that there is none
        if body:
            self.curl.setopt(pycurl.POSTFIELDS, body)
        elif method == "HEAD":
            self.curl.setopt(pycurl.NOBODY, True)
        self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        self.curl.setopt(pycurl.URL, url)
        # Values of programs come as they were sent, not only in ASCII. Without a type, libcurl would add that of a form.
        lines = [f"{name}: {value}" for name, value in headers.items()] + ["content-type:"] * ("content-type" not in headers)
        self.curl.setopt(pycurl.HTTPHEADER, [line.encode("latin-1") for line in lines])
        curl.perform(self.curl, seconds)
        return self.curl.getinfo(pycurl.RESPONSE_CODE), _headers(bytes(self._head)), bytes(self._body)

    def reset(self) -> None:
        """Forget the credentials and the response of the last request."""
        self.curl.unsetopt(pycurl.HTTPHEADER)
        self._head.clear()
        self._body.clear()


def _headers(head: bytes) -> HttpHeaders:
    """The headers of the last response in `head`; an interim one (100 Continue) may precede it. Repeated headers are joined."""
    lines = head.decode("latin-1").rstrip("\r\n").rpartition("\r\n\r\n")[2].split("\r\n")[1:]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return HttpHeaders(headers)


def _speaks_tls(host: str, port: int) -> bool:
    """Elasticsearch closes a connection over which it gets HTTP instead of HTTPS, without a word."""
    try:
        with socket.create_connection((host, port), SECONDS_FOR_HANDSHAKE) as connection, _unverified().wrap_socket(connection):
            return True
    except OSError:  # SSLError is one
        return False


def _alert(config: NodeConfig) -> str:
    """Why the node rejects the client certificate, or ""; libcurl doesn't read this if it can't send the request any more."""
    context = _unverified()
    try:
        if config.client_cert:
            context.load_cert_chain(config.client_cert, config.client_key, password="")
        with (
            socket.create_connection((config.host, config.port), SECONDS_FOR_HANDSHAKE) as connection,
            context.wrap_socket(connection) as encrypted,
        ):
            encrypted.recv(1)
    except OSError as exc:
        return str(exc) if curl.TLS_ALERT in str(exc) else ""
    return ""


def _unverified() -> ssl.SSLContext:
    """For a connection over which nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
