"""Changes leave this process through urllib3, which sends a request once; who is trusted is the same as for questions."""

import ssl

from elastic_transport import NodeConfig, Urllib3HttpNode


class Urllib3Node(Urllib3HttpNode):
    """One host, as elastic_transport's `node_class`, that verifies certificates as CurlNode does, with any Python.

    elastic_transport's own trusts the system's authorities besides `ca_certs`. A node's certificate may be its own authority;
    there that is so from Python 3.13 on. And an authority needs no `keyUsage`, which those that Elasticsearch made for years
    do not have; there it does from 3.13 on.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if config.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            self.pool.conn_kw["ssl_context"] = context  # into which urllib3 loads `ca_certs`
