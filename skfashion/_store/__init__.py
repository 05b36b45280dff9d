"""A store on disk for results that are dear to compute, shared by many processes.

A file is a sequence of ``.npy`` blocks, the first of them a JSON head with checksums of all others;
a single rename puts it in place::

    <folder>/v1/entries/<kind>/<first two digits of key>/<key>.npy
    <folder>/v1/rows/<kind>/<namespace>-<digest of shape and dtype>/<digest>.npy
    <folder>/v1/attempts/<key>.<host>-<pid>-<start of process>-<n>
    <folder>/v1/tmp/<host>-<pid>-<start of process>-<n>
"""

from ._files import StoreWarning
from ._store import PruneResult, Store, open_store

# Kinds of entries: half-done trainings, finished ones, and names of finished ones under which
# other parameters find them.
STATES, RESULTS, SHARED = "states", "results", "shared"
