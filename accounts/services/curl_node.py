"""Questions leave this process through libcurl: for a small answer it needs a third of urllib3's time.

Changes do not: libcurl sends a request again when a kept connection turns out to be dead, and a change is sent once.
"""

import time
from collections import deque
from typing import Final

import pycurl
from elastic_transport import (
    ApiResponseMeta,
    BaseNode,
    ConnectionError,
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TlsError,
)
from elastic_transport._node import NodeApiResponse  # the answer of BaseNode.perform_request, which has no public name
from elastic_transport._node._base import DEFAULT_CA_CERTS
from elastic_transport.client_utils import DEFAULT, DefaultType

from accounts.services.ahead import transfer

BY_CODE: Final[dict[int, type[ConnectionError | ConnectionTimeout | TlsError]]] = {
    pycurl.E_OPERATION_TIMEDOUT: ConnectionTimeout,
    pycurl.E_SSL_CONNECT_ERROR: TlsError,
    pycurl.E_PEER_FAILED_VERIFICATION: TlsError,
    pycurl.E_SSL_CACERT_BADFILE: TlsError,
}


class CurlNode(BaseNode):
    """One host, as elastic_transport's `node_class`; as many connections as threads that ask at once, and kept."""

    _CLIENT_META_HTTP_CLIENT = ("cu", pycurl.version_info()[1])

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._idle: deque[pycurl.Curl] = deque()
        self._url, self._always = self.base_url, dict(self._headers)

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """One request and its answer. Raises ConnectionTimeout, TlsError and ConnectionError."""
        start = time.monotonic()
        seconds = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        curl = self._take()
        try:
            self._prepare(curl, method, target, seconds)
            status, lines, answer = _exchange(curl, body, {**self._always, **(headers or {})})
        finally:
            curl.reset()  # its connection stays, nothing else of the request does
            self._idle.append(curl)
        meta = ApiResponseMeta(
            node=self.config, duration=time.monotonic() - start, http_version="1.1", status=status, headers=_parsed(lines)
        )
        return NodeApiResponse(meta, answer)

    def close(self) -> None:
        """End the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> pycurl.Curl:
        try:
            return self._idle.pop()
        except IndexError:
            return pycurl.Curl()

    def _prepare(self, curl: pycurl.Curl, method: str, target: str, seconds: float | None) -> None:
        curl.setopt(pycurl.URL, f"{self._url}{target}")
        curl.setopt(pycurl.PATH_AS_IS, True)  # `..` is a user's name, and not the folder above
        curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.NOBODY, method == "HEAD")
        curl.setopt(pycurl.TIMEOUT_MS, int((seconds or 0) * 1000))
        curl.setopt(pycurl.NOSIGNAL, True)  # or a time-out would interrupt another thread
        curl.setopt(pycurl.PROXY, "")  # the environment's is for other things
        if self.config.scheme == "https":
            curl.setopt(pycurl.CAINFO, self.config.ca_certs or DEFAULT_CA_CERTS)


def _exchange(curl: pycurl.Curl, body: bytes | None, headers: dict[str, str]) -> tuple[int, list[bytes], bytes]:
    lines: list[bytes] = []
    answer = bytearray()
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
    if body:
        curl.setopt(pycurl.POSTFIELDS, body)
    curl.setopt(pycurl.HEADERFUNCTION, lines.append)
    curl.setopt(pycurl.WRITEFUNCTION, answer.extend)
    try:
        transfer(curl)
    except pycurl.error as exc:
        code, message = int(exc.args[0]), str(exc.args[-1])
        raise BY_CODE.get(code, ConnectionError)(message, errors=(exc,)) from exc
    return curl.getinfo(pycurl.RESPONSE_CODE), lines, bytes(answer)


def _parsed(lines: list[bytes]) -> HttpHeaders:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return HttpHeaders({name: value.strip() for name, colon, value in pairs if colon})
