"""gunicorn's threads, each of which stays a moment with the connection that it has answered: a browser soon asks again."""

import select
from threading import BoundedSemaphore
from typing import Any, Final

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

MILLISECONDS: Final = 500


class StayingWorker(ThreadWorker):
    """Where gthread hands each request of a connection from its main thread to another one, and the connection back again.

    At most half of the threads stay, however busy their connections are; the others take what comes, in turn.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = BoundedSemaphore(self.cfg.threads // 2)

    def handle(self, conn: TConn) -> Any:
        """Answer a request, and those that soon follow it; gthread's result for the last one."""
        goes_on = super().handle(conn)
        if goes_on is True and self._places.acquire(blocking=False):
            try:
                while goes_on is True and self.alive and _asks_again(conn):
                    goes_on = super().handle(conn)
            finally:
                self._places.release()
        return goes_on


def _asks_again(conn: TConn) -> bool:
    if not isinstance(conn.parser, RequestParser) or conn.parser.unreader.buf.getvalue():  # it is gthread's to see to that
        return False
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(min(MILLISECONDS, conn.cfg.keepalive * 1000)))
