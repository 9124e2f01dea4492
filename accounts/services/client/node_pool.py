"""Which of several hosts gets the next call: one that doesn't answer is left out for a while, for reads and writes alike."""

from threading import Lock
from typing import Any, Final

from elastic_transport import BaseNode, NodePool

# After the first failure; it doubles with each further one.
PAUSE_SECONDS: Final = 10.0
LONGEST_PAUSE_SECONDS: Final = 60.0


class ReadPool(NodePool):
    """After its pause, a host gets a single read. Only if it answers, it gets others again.

    The pool of elastic_transport would send it all calls of all threads until the first of them fails, and each further failure
    would make the next pause shorter.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lock = Lock()
        self._paused: set[str] = set()

    def get(self) -> BaseNode:
        """The next host: one whose pause is over, or as `get_live`."""
        with self._lock:
            resurrected = super().resurrect()
            if resurrected and resurrected.base_url in self._paused:  # otherwise it has answered in the meantime
                super().mark_dead(resurrected)  # until it answers
                return resurrected
        return self.get_live()

    def get_live(self) -> BaseNode:
        """A host that isn't paused, if there is one."""
        with self._lock:
            return super().get()

    def resurrect(self, force: bool = False) -> Any:
        """Only by force, when all hosts are paused. `get` looks for hosts whose pause is over."""
        if not force:
            return None
        node = super().resurrect(force=True)
        self._paused.discard(node.base_url)
        return node

    def mark_dead(self, node: BaseNode, _now: float | None = None) -> None:
        """Pause the host, unless it is already paused: several threads may have waited for it."""
        with self._lock:
            if node.base_url not in self._paused:
                self._paused.add(node.base_url)
                super().mark_dead(node, _now)

    def mark_live(self, node: BaseNode) -> None:
        """End the pause of the host."""
        with self._lock:
            self._paused.discard(node.base_url)
            super().mark_live(node)

    def end_pauses(self) -> None:
        """End the pauses of all hosts."""
        for node in self.all():
            if node.base_url in self._paused:
                self.mark_live(node)


class WritePool(NodePool):
    """The hosts that reads don't leave out. A host on trial gets no write: without an answer, its outcome would be unknown."""

    reads: ReadPool

    def get(self) -> BaseNode:
        """A host that isn't paused, if there is one."""
        live = self.reads.get_live().base_url
        return next(node for node in self.all() if node.base_url == live)

    def mark_dead(self, node: BaseNode, _now: float | None = None) -> None:
        """Pause the host for reads, too."""
        self.reads.mark_dead(self._of_reads(node))

    def mark_live(self, node: BaseNode) -> None:
        """End the pause of the host for reads, too."""
        self.reads.mark_live(self._of_reads(node))

    def _of_reads(self, node: BaseNode) -> BaseNode:
        return next(each for each in self.reads.all() if each.base_url == node.base_url)
