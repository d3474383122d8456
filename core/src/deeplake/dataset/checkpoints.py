"""Checkpoints between operations: one thread publishes what waits in open ``with ds:`` blocks."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from deeplake.versioning import session as sessions

if TYPE_CHECKING:
    from deeplake.dataset.checkout import Checkout

_log = logging.getLogger(__name__)


def _pause() -> float:
    """Seconds between two looks at what waits."""
    return sessions.CHECKPOINT_SECONDS / 4


class Watch:
    """Publishes whole rows that have waited long, while the user's thread is busy elsewhere.

    One daemon thread looks after all open blocks of a process. It begins with the first change in a
    block, and ends with the last block: at once after a block that took long, else at its next look,
    so that many short blocks share one thread. Blocks are held weakly.

    A failure is logged; what could not be published still waits, and is tried again by the next
    operation and at the end of the block, which raise what stands in the way.
    """

    def __init__(self) -> None:
        self._blocks: WeakSet[Checkout] = WeakSet()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._since = 0.0
        # Held during changes of what is above.
        self._lock = threading.Lock()
        # Held while something is published: a process does not fork in the middle of that.
        self._publishing = threading.RLock()

    def add(self, checkout: Checkout) -> None:
        """Look after a block from now on."""
        with self._lock:
            self._blocks.add(checkout)
            self._since = time.monotonic()
            checkout.watched = True
            if self._thread is None:
                self._wake.clear()
                thread = threading.Thread(target=self._run, name="deeplake-checkpoint", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads, or the interpreter ends
                    _log.warning("checkpoints wait for operations: %s", error)
                    return
                self._thread = thread

    def discard(self, checkout: Checkout) -> None:
        """The block has ended."""
        with self._lock:
            self._blocks.discard(checkout)
            checkout.watched = False
            if not self._blocks and time.monotonic() - self._since > _pause():
                self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(_pause())
            self._look()
            with self._lock:
                if not self._blocks:
                    self._thread = None
                    return
                self._wake.clear()

    def _look(self) -> None:
        with self._lock:
            blocks = list(self._blocks)
        for checkout in blocks:
            with self._publishing:
                try:
                    checkout.publish_waiting()
                except Exception:  # noqa: BLE001 - whatever it is, the next operation meets it
                    _log.warning(
                        "%s: a checkpoint failed; the next operation tries again",
                        checkout.path,
                        exc_info=True,
                    )

    # ---- fork: the child has no thread, and nothing that the thread held
    def before_fork(self) -> None:
        """Wait for a checkpoint that is being published."""
        self._publishing.acquire()
        self._lock.acquire()

    def after_fork(self) -> None:
        """In the parent: go on."""
        self._lock.release()
        self._publishing.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: a block that goes on in the child is looked after from its next change on."""
        for checkout in self._blocks:
            checkout.watched = False
        self.__init__()  # type: ignore[misc]


watch = Watch()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: watch.before_fork(),
        after_in_parent=lambda: watch.after_fork(),
        after_in_child=lambda: watch.after_fork_in_child(),
    )

__all__ = ["Watch", "watch"]
