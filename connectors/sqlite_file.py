"""One SQLite file with one writing process: lock, settings, schema versions, transactions.

Shared by the adapters that keep something in SQLite. The settings are write-ahead log with
``synchronous=FULL``: a commit that returned survives the loss of the process and, as far as
the disk tells the truth, of the power.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from twin.domain.errors import StorageError

BUSY_S = 5.0
"""Longest wait for another process that reads or checkpoints [s]; chosen default."""


class FileLock:
    """The right to write a file, held by one process until released or dead.

    Parameters
    ----------
    path : Path
        The file to be written; the lock is ``<path>.lock`` beside it and carries the pid.

    Raises
    ------
    StorageError
        Another process (or this one, twice) already holds it.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(path.name + ".lock")
        self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StorageError(
                f"{path}: already being written by process {holder}. Two services must not share one "
                f"file: stop the other one or give this one a path of its own."
            ) from error
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others write; calling it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def hold(path: Path) -> FileLock:
    """Take the right to write `path`, making its folder when it is missing.

    Raises
    ------
    StorageError
        The folder can not be made or written, or another process holds the file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)
    except OSError as error:
        raise StorageError(
            f"{path}: can not be created or written ({error}). Check folder and rights."
        ) from error


def open_writer(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open for writing and bring the schema up to date.

    Parameters
    ----------
    path : Path
    migrations : sequence of str
        SQL scripts; script n leads from schema version n to n + 1 (``PRAGMA user_version``).

    Raises
    ------
    StorageError
        Not a database, damaged, or written by a newer version of this software.
    """
    with named(path):
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _settle(db, path, migrations)
        except BaseException:
            db.close()
            raise
        return db


def _settle(db: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StorageError(
            f"{path}: has schema version {version}, this software knows up to {len(migrations)}. "
            f"It was written by a newer version: update, or start with another path."
        )
    for number, script in enumerate(migrations[version:], version + 1):
        try:
            db.executescript(f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version={number};\nCOMMIT;")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading only, beside its writer.

    Raises
    ------
    StorageError
        It is not there or not usable.
    """
    if not path.exists():
        raise StorageError(f"{path}: is not there; nothing was stored yet in this TWIN_DATA_DIR")
    with named(path):
        uri = f"{path.resolve().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


@contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing, on disk when the block is left.

    Raises
    ------
    StorageError
        The disk is full, the file damaged, or a statement failed; then nothing was kept.
    """
    with named(path):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ones that name the file."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        raise StorageError(
            f"{path}: {error}. Nothing of this was kept; check free space and the file's health."
        ) from error
