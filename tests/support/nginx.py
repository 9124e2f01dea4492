"""nginx, as it stands in front of the product under a path."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support import proxies

SERVER: Final = """
    server {{
        listen 127.0.0.1:{port}{tls};
        ssl_certificate usermgmt.pem;
        ssl_certificate_key usermgmt.pem;
        client_max_body_size 101m;
        location {path}/ {{
            proxy_pass {upstream};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location / {{ return 404; }}
    }}
"""


@contextmanager
def nginx(folder: Path, port: int, *servers: str) -> Iterator[None]:
    """Runs with these server blocks, of which one listens at the port. Its log of requests is `folder/requests`."""
    with proxies.running(proxies.PROXIES["nginx"], "".join(servers), folder, port):
        yield


def server(port: int, path: str, upstream: str, *, tls: bool = True) -> str:
    """Serves the path, and nothing else. With a slash at its end, `upstream` replaces the path."""
    return SERVER.format(port=port, path=path, upstream=upstream, tls=" ssl" if tls else "")
