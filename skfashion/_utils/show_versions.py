"""Versions, for reports of bugs."""

from importlib.metadata import PackageNotFoundError, version

from skfashion._version import __version__

_PACKAGES = (
    *("keras", "tensorflow", "jax", "torch", "scikeras", "scikit-optimize", "pillow", "rich"),
    *("scikit-learn", "numpy", "joblib"),
)


def show_versions() -> None:
    """Print the versions of skfashion, of the packages it builds on, and of the system.

    To be pasted into a report of a bug. It loads Keras, to say which backend is in use.

    See Also
    --------
    sklearn.show_versions : Prints the second part of it.
    """
    import keras
    import sklearn

    for name, number in versions().items():
        print(f"{name:>15}: {number}")
    print(f"{'Keras backend':>15}: {keras.config.backend()}")
    sklearn.show_versions()


def versions():
    """Return the versions of the package and of those it builds on, where they are installed."""
    found = {"skfashion": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
