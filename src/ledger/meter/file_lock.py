"""Locks on open files: who holds one is alive, for the system takes it back from the dead."""

import errno
import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def lock(fd: int) -> bool:
    """Whether the lock of a file could be had."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_new(fd: int) -> None:
    """Lock a file that nobody else can know of yet.

    Raises:
        OSError: somebody has it, or this file system has no locks.
    """
    if not lock(fd):
        raise OSError(errno.EAGAIN, "a new file is locked by somebody else")


def let_go(fd: int) -> None:
    """Unlock and close. The lock would else stay with a child that was forked meanwhile."""
    if sys.platform != "win32":
        fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def is_same_file(path: Path, fd: int) -> bool:
    """Whether `path` still names the open file: another process may have taken it meanwhile."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names of new files."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
