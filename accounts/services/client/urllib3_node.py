"""Writes go through urllib3, which sends a request once. It trusts the same certificates as reads do."""

import ssl

from elastic_transport import NodeConfig, Urllib3HttpNode


class Urllib3Node(Urllib3HttpNode):
    """One host, as elastic_transport's `node_class`, that verifies certificates as CurlNode does, with any Python.

    The node of elastic_transport also trusts the CAs of the system. Here, as there from Python 3.13, the certificate of a node
    can be its own CA. Unlike there from Python 3.13, a CA needs no `keyUsage`, which CAs created by older versions of
    Elasticsearch don't have.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if config.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            self.pool.conn_kw["ssl_context"] = context  # into which urllib3 loads `ca_certs`
