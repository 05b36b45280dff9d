"""Versions, for reports of bugs."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from skfashion._version import __version__

_PACKAGES = ("keras", "tensorflow", "jax", "torch", "scikeras", "scikit-optimize", "pillow", "rich")


def show_versions() -> None:
    """Print the versions of skfashion, of the packages it builds on, and of the system.

    To be pasted into a report of a bug. It loads Keras, to say which backend is in use.

    See Also
    --------
    sklearn.show_versions : Prints the second part of it.
    """
    import keras
    import sklearn

    print(f"{'skfashion':>15}: {__version__}")
    for name in _PACKAGES:
        print(f"{name:>15}: {version_of(name)}")
    print(f"{'Keras backend':>15}: {keras.config.backend()}")
    sklearn.show_versions()


def version_of(name):
    """Return the version of an installed package, or None."""
    with suppress(PackageNotFoundError):
        return version(name)
