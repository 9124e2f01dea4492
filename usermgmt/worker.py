"""gunicorn's threads, each of which stays a moment with the connection that it has answered: a browser soon asks again."""

import select
from typing import Any, Final

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

MILLISECONDS: Final = 500


class StayingWorker(ThreadWorker):
    """Where gthread hands each request of a connection from its main thread to another one, and the connection back again.

    At most half of the threads stay; the others take what comes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._staying = 0

    def handle(self, conn: TConn) -> Any:
        """Answer a request, and those that soon follow it; gthread's result for the last one."""
        goes_on = super().handle(conn)
        while goes_on is True and self.alive and self._asks_again(conn):
            goes_on = super().handle(conn)
        return goes_on

    def _asks_again(self, conn: TConn) -> bool:
        parser = conn.parser
        has_asked = not isinstance(parser, RequestParser) or parser.unreader.buf.getvalue()  # it is gthread's to see to that
        if has_asked or self._staying >= self.cfg.threads // 2:
            return False
        self._staying += 1
        try:
            poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
            return bool(poll.poll(min(MILLISECONDS, self.cfg.keepalive * 1000)))
        finally:
            self._staying -= 1
