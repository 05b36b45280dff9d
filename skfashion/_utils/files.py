"""Files that are there whole or not at all."""

import os
from contextlib import contextmanager, suppress
from uuid import uuid4


@contextmanager
def whole(path, mode="xb", **options):
    """Open a file that takes its place when the block has ended, and never if it fails."""
    # No number of a process: in containers it is the same in each run, one that was killed too.
    half = f"{os.fsdecode(path)}.{uuid4().hex[:12]}.part"
    try:
        with open(half, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)
    except BaseException:  # Ctrl-C, too, shall leave nothing half-written
        with suppress(OSError):
            os.unlink(half)
        raise
