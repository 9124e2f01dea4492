"""gunicorn's settings: threads, because a request mostly waits for Elasticsearch."""

import gc
import os

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_WORKERS", "1"))
worker_class = "usermgmt.worker.StayingWorker"
threads = int(os.environ.get("WEB_THREADS", "16"))
# A user name may have 507 characters, each of them three in a URL, and a dialog may name a hundred users.
limit_request_line = 0
control_socket_disable = True
# Whether a proxy stands in front is BEHIND_PROXY's to say. By itself gunicorn believes what comes from this machine: the scheme,
# and in which folder the product is.
forwarded_allow_ips = ""


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays: the garbage collector need not look at it again in the middle of a page."""
    gc.freeze()
