"""gunicorn settings. An event loop handles connections, threads handle requests (threaded_wsgi.py)."""

import json
import subprocess
import sys
from pathlib import Path

# In a process of its own: in this one, old values would hide those of the file when a SIGHUP reloads it.
_run = subprocess.run(
    [sys.executable, "-m", "usermgmt.web_settings"], cwd=Path(__file__).resolve().parent.parent, stdout=subprocess.PIPE
)
if _run.returncode:
    sys.exit(_run.returncode)
_settings = json.loads(_run.stdout)

bind = _settings["bind"]
workers = _settings["workers"]
worker_class = "asgi"
asgi_loop = "asyncio"
asgi_lifespan = "off"
# A username can have 507 characters, each encoded as three, and a URL can have a hundred usernames. gunicorn's own limit is 1 MB.
limit_request_line = 0
# Seconds. A stop also waits for idle connections, and browsers open some in advance.
graceful_timeout = 10
control_socket_disable = True
# Only BEHIND_PROXY decides whether to trust a reverse proxy. By default gunicorn trusts the scheme and script name in headers
# from this machine.
forwarded_allow_ips = ""
