"""HTTPS without a proxy."""

import ssl


def server_context(certfile: str, keyfile: str) -> ssl.SSLContext:
    """TLS 1.2 and newer. Raises OSError if the files aren't a certificate and its key. Never prompts for the password of a key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certfile, keyfile, password="")
    return context
