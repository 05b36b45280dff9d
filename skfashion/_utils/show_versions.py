"""Versions, for reports of bugs."""

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
        try:
            print(f"{name:>15}: {version(name)}")
        except PackageNotFoundError:
            print(f"{name:>15}: None")
    print(f"{'Keras backend':>15}: {keras.config.backend()}")
    sklearn.show_versions()
