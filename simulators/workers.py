"""Worker processes that end with the process that started them."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """End this worker as soon as its parent has ended, however that came about.

    A pool tells its workers to end only while it is alive itself: after SIGTERM or SIGKILL they would wait
    for work for ever. To be called once in each worker, as the initializer of a pool or within it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), name="parent", daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
