"""Questions leave this process through libcurl: for a small answer it needs a third of urllib3's time.

Changes do not: libcurl sends a request again when a kept connection turns out to be dead, and a change is sent once.
"""

from collections import deque
from typing import Final, NamedTuple

import pycurl
from elastic_transport import BaseNode, ConnectionError, ConnectionTimeout, NodeConfig, TlsError
from elastic_transport._node._base import DEFAULT_CA_CERTS

from accounts.services.ahead import transfer

BY_CODE: Final[dict[int, type[ConnectionError | ConnectionTimeout | TlsError]]] = {
    pycurl.E_OPERATION_TIMEDOUT: ConnectionTimeout,
    pycurl.E_SSL_CONNECT_ERROR: TlsError,
    pycurl.E_PEER_FAILED_VERIFICATION: TlsError,
    pycurl.E_SSL_CACERT_BADFILE: TlsError,
}


class Answer(NamedTuple):
    """What a host said."""

    status: int
    content_type: str
    body: bytes


class CurlNode(BaseNode):
    """One host, for elastic_transport's pool of them; as many connections as threads that ask at once, and kept."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._idle: deque[_Handle] = deque()
        self._url = self.base_url
        self._always = [f"{name}: {value}" for name, value in self._headers.items()]

    def ask(self, method: str, target: str, body: bytes | None, headers: list[str], seconds: float) -> Answer:
        """Its answer, whatever it is. Raises ConnectionTimeout, TlsError and ConnectionError."""
        handle = self._take()
        try:
            return handle.exchange(method, f"{self._url}{target}", body, self._always + headers, seconds)
        finally:
            handle.forget()
            self._idle.append(handle)

    def close(self) -> None:
        """End the idle connections."""
        while self._idle:
            self._idle.pop().curl.close()

    def _take(self) -> "_Handle":
        try:
            return self._idle.pop()
        except IndexError:
            return _Handle(self.config)


class _Handle:
    """libcurl's, with its connection; what all requests have in common is said once."""

    def __init__(self, config: NodeConfig) -> None:
        self.curl = pycurl.Curl()
        self._body = bytearray()
        self.curl.setopt(pycurl.WRITEFUNCTION, self._body.extend)
        self.curl.setopt(pycurl.PATH_AS_IS, True)  # `..` is a user's name, and not the folder above
        self.curl.setopt(pycurl.NOSIGNAL, True)  # or a time-out would interrupt another thread
        self.curl.setopt(pycurl.PROXY, "")  # the environment's is for other things
        if config.scheme == "https":
            self.curl.setopt(pycurl.CAINFO, config.ca_certs or DEFAULT_CA_CERTS)

    def exchange(self, method: str, url: str, body: bytes | None, headers: list[str], seconds: float) -> Answer:
        """One request and its answer."""
        self.curl.setopt(pycurl.HTTPGET, True)  # takes back what the request before may have had: a body, or that there is none
        if body:
            self.curl.setopt(pycurl.POSTFIELDS, body)
        elif method == "HEAD":
            self.curl.setopt(pycurl.NOBODY, True)
        self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        self.curl.setopt(pycurl.URL, url)
        self.curl.setopt(pycurl.HTTPHEADER, headers)
        self.curl.setopt(pycurl.TIMEOUT_MS, int(seconds * 1000))
        try:
            transfer(self.curl)
        except pycurl.error as exc:
            code, message = int(exc.args[0]), str(exc.args[-1])
            raise BY_CODE.get(code, ConnectionError)(message, errors=(exc,)) from exc
        # The answer's headers are not asked for: Python would be waited for at each of them.
        return Answer(self.curl.getinfo(pycurl.RESPONSE_CODE), self.curl.getinfo(pycurl.CONTENT_TYPE) or "", bytes(self._body))

    def forget(self) -> None:
        """Whose request it was, and what was answered."""
        self.curl.unsetopt(pycurl.HTTPHEADER)
        self._body.clear()
