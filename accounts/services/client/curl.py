"""What all connections of libcurl have in common: their options, and which error of elastic_transport a failure becomes."""

from typing import Final

import pycurl
from elastic_transport import ConnectionError, ConnectionTimeout, NodeConfig, TlsError


class EmptyReply(ConnectionError):
    """The connection was closed without a response."""


class SendFailed(ConnectionError):
    """The connection was closed before the request was sent."""


ERRORS: Final[dict[int, type[ConnectionError | ConnectionTimeout | TlsError]]] = {
    pycurl.E_OPERATION_TIMEDOUT: ConnectionTimeout,
    pycurl.E_SSL_CONNECT_ERROR: TlsError,
    pycurl.E_PEER_FAILED_VERIFICATION: TlsError,
    pycurl.E_SSL_CACERT_BADFILE: TlsError,
    pycurl.E_SSL_CERTPROBLEM: TlsError,
    pycurl.E_BAD_FUNCTION_ARGUMENT: TlsError,  # a key that doesn't belong to the client certificate
    pycurl.E_GOT_NOTHING: EmptyReply,
    pycurl.E_SEND_ERROR: SendFailed,
}
TLS_ALERT: Final = " alert "  # in the message, when the other side says why it ends the connection


def handle(config: NodeConfig) -> pycurl.Curl:
    """A new handle with the client certificate, if one is configured. It doesn't know yet which CAs to trust."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, True)  # or a time-out would interrupt another thread
    curl.setopt(pycurl.PROXY, "")  # proxies of the environment are for other things
    if config.client_cert and config.client_key:
        curl.setopt(pycurl.SSLCERT, config.client_cert)
        curl.setopt(pycurl.SSLKEY, config.client_key)
        curl.setopt(pycurl.KEYPASSWD, "")  # or OpenSSL would ask in the terminal for the password of a new key
    return curl


def perform(curl: pycurl.Curl, seconds: float | None) -> None:
    """Do what the options of the handle say. Raises ConnectionTimeout, TlsError, and ConnectionError."""
    curl.setopt(pycurl.TIMEOUT_MS, int(seconds * 1000) if seconds else 0)
    try:
        curl.perform()
    except pycurl.error as exc:
        code, message = int(exc.args[0]), str(exc.args[-1])
        # With TLS 1.3, a node rejects the client certificate when the request is already on its way.
        kind = TlsError if TLS_ALERT in message else ERRORS.get(code, ConnectionError)
        raise kind(message, errors=(exc,)) from exc
