"""Names for files that say which process made them, and whether it still runs."""

import contextlib
import functools
import hashlib
import itertools
import os
import re
import socket
import time
from pathlib import Path

DAY = 24 * 3600.0
_UNKNOWN = "x"

_numbers = itertools.count()


def new_name():
    """Return a file name that no other call returns: ``<host>-<pid>-<start of process>-<n>``."""
    pid = os.getpid()  # asked for on each call: a forked child inherits what is kept
    return f"{_host()}-{pid}-{_start(pid) or _UNKNOWN}-{next(_numbers)}"


def is_orphan(name, modified):
    """Tell whether the process that made a file is dead; of another host, if that was a day ago."""
    match = re.fullmatch(r"(.+)-(\d{1,18})-([0-9a-z.]+)-\d+", name)
    if match is None:
        return False
    host, pid, start = match.groups()
    if f".{host}".endswith(f".{_host()}"):
        running = _start(int(pid))
        if running is None:
            return True
        if _UNKNOWN not in (running, start):
            return running != start  # another process may have been given the same pid
    return time.time() - modified > DAY


@functools.cache
def _host():
    """Return a name for what shares one table of process numbers."""
    # Machines may have the same name, and containers count their processes from 1 each.
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        facts.append(Path("/etc/machine-id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        facts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    name = re.sub(r"[^A-Za-z0-9.-]", "_", facts[0])[:60]
    return f"{name}.{hashlib.blake2b(repr(facts).encode(), digest_size=4).hexdigest()}"


def _start(pid):
    """Return when a process started, as text; None if it is dead."""
    try:
        # The name of the program stands in brackets and may itself contain some.
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        # A killed process stays in the table as a zombie until its parent looks.
        return None if fields[0] in "ZX" else f"{_boot()}.{fields[19]}"
    except (OSError, IndexError):
        return _probe(pid)  # dead, of a user whose processes are hidden, or without /proc


def _probe(pid):
    if os.name != "posix":
        return _UNKNOWN  # on Windows, signal 0 is no question but Ctrl-C
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass  # it is there and not ours
    return _UNKNOWN


@functools.cache
def _boot():
    """Return a name for the time since the machine was started."""
    try:  # starts of processes are counted from the start of the machine
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(8)
    except OSError:
        return "0"
