"""What is read of image files: from memory, from disk, or from the file itself."""

from joblib import delayed

from skfashion._utils import image_files
from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion._utils.image_files import reasons

from ._sources import Unnamed

# Of all readers of this process: over 7,000 images of 224 x 224 in colour.
_CACHE = Cache(
    "images",
    max_bytes=lambda: get_config()["image_cache_bytes"],
    counts={"decoded": 0, "from_memory": 0, "from_disk": 0},
)


def fill(values, names, keys, rows, parallel, read, keep, cache):
    """Fill `values` from memory, disk or files, in this order; return the errors by name."""
    left = _CACHE.fill(values, keys, range(len(keys)))
    n_from_memory = len(keys) - len(left)
    stored = {} if rows is None or not left else rows.get([keys[position] for position in left])
    for index, value in stored.items():
        values[left[index]] = value
    if cache:
        _CACHE.put_rows([keys[left[index]] for index in stored], stored.values())
    left = [position for index, position in enumerate(left) if index not in stored]
    errors = parallel(delayed(_read_into)(values, p, names[p], read) for p in left)
    failed = {p: error for p, error in zip(left, errors, strict=True) if error is not None}
    # A served model sees each upload once.
    kept = [p for p in left if keep or not isinstance(names[p], Unnamed)]
    new = [position for position in kept if position not in failed]
    decoded = len(left) - len(failed)
    _CACHE.count(decoded=decoded, from_memory=n_from_memory, from_disk=len(stored))
    if cache:
        _CACHE.put_rows([keys[position] for position in new], values[new])
    if rows is not None and new:
        rows.put([keys[position] for position in new], values[new])
    return {names[position]: error for position, error in failed.items()}


def _read_into(values, position, name, read):
    """Read one file into its place; return what is wrong with it, or `None`."""
    try:
        values[position] = read(getattr(name, "content", name))
    except image_files.UnreadableImageError as error:
        # Alone: its traceback would keep all pixels of the file alive.
        return type(error)(str(error))
    return None


def refuse_unreadable(failed, n_files):
    """Refuse files that can't be read as images, and say what to do."""
    remedy = (
        "Repair them or leave them out; "
        'skfashion.datasets.load_image_folder(..., on_error="skip") does so.'
    )
    if all(isinstance(error, image_files.NoWhiteError) for error in failed.values()):
        remedy = 'Say what is white in all files: white=, a number, or "auto" to learn it in fit.'
    raise ValueError(
        f"{len(failed)} of {n_files} files can't be read as images:\n{reasons(failed.items())}\n"
        f"{remedy}"
    )
