"""What was made last, kept for whoever asks for it again, in any thread."""

import threading
from collections import OrderedDict


class Recent:
    """A dict that forgets what was put first once it holds too much.

    Parameters
    ----------
    size : int
        How many entries are kept.

    Examples
    --------
    >>> from skfashion._utils.cache import Recent
    >>> squares = Recent(size=2)
    >>> [squares.put(n, n * n) for n in (1, 2, 3)]
    [1, 4, 9]
    >>> squares.get(1), squares.get(3)
    (None, 9)
    """

    def __init__(self, size):
        self._size = size
        self._entries = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key):
        """Return what is kept under a key, or None."""
        return self._entries.get(key)

    def put(self, key, value):
        """Keep a value, and return it: another thread may have it forgotten at once."""
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value

    def clear(self):
        """Forget everything."""
        with self._lock:
            self._entries.clear()
