"""A store on disk for results that are dear to compute, shared by many processes.

The layout on disk::

    <folder>/v1/entries/<kind>/<first two digits of key>/<key>.npy
    <folder>/v1/rows/<kind>/<namespace>-<digest of shape and dtype>/<digest>.npy
    <folder>/v1/attempts/<key>.<host>-<pid>-<start of process>-<n>
    <folder>/v1/tmp/<host>-<pid>-<start of process>-<n>

An entry and a shard of rows are one file each, so that a single rename puts them
in place or replaces them: a reader has the old file open or the new one, never
parts of both. A file is a sequence of ``.npy`` blocks (``numpy.load`` called
again and again on the open file reads them all); the first one is the JSON
head, which names the others with their checksums.
"""

from ._entries import Entry, EntryInfo
from ._files import StoreWarning
from ._guards import CrashGuard
from ._rows import Rows
from ._store import PruneResult, Store, open_store

# Kinds of entries: half-done trainings, finished ones, and names of finished ones under which
# other parameters find them.
STATES, RESULTS, SHARED = "states", "results", "shared"

__all__ = [
    "RESULTS",
    "SHARED",
    "STATES",
    "CrashGuard",
    "Entry",
    "EntryInfo",
    "PruneResult",
    "Rows",
    "Store",
    "StoreWarning",
    "open_store",
]
