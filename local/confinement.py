"""What a process may no longer do, enforced by the kernel (Landlock, Linux 5.13 and newer).

Owns the three system calls, which Python does not wrap. Must not know who confines itself.

A process may read its account's files and look into the account's other processes. Once confined it
may do neither, nor may anything that it starts, and there is no way back.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
# How many kinds of access to files and folders by path the kernel's versions know.
_KINDS = {1: 13, 2: 14}
_KINDS_SINCE_3 = 15


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def confine(readable: Iterable[Path]) -> bool:
    """Let this process read what is in `readable` and open no other file, write none by its path,
    and look into none that is not confined too; False where the kernel cannot do that. What is open
    stays open, and sockets are free. Call it before there is a second thread: others go free."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION) if sys.platform == "linux" else -1
    if version < 1:
        return False
    handled = _Ruleset((1 << _KINDS.get(version, _KINDS_SINCE_3)) - 1)
    ruleset = _checked(
        libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    )
    try:
        for path in readable:
            if path.exists():
                _allow(libc, ruleset, path)
        _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def is_confined(pid: int) -> bool:
    """Whether that process gave up gaining privileges for good, which we have not. Whoever is
    confined did, with all its children. A process that has just ended counts as confined."""
    return _no_new_privileges(pid) and not _no_new_privileges(os.getpid())


def _no_new_privileges(pid: int) -> bool:
    try:
        return "\nNoNewPrivs:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = _READ_FILE | (_EXECUTE | _READ_DIR if path.is_dir() else 0)
        rule = _Beneath(allowed, folder)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(folder)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"landlock: {os.strerror(ctypes.get_errno())}")
    return result
