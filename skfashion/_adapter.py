"""The only room that imports scikeras: builds and compiles what an estimator asks for.

scikeras routes parameters to a model function, to optimizer, loss and metrics, and
encodes labels the way the loss wants them. Its scikit-learn contract and its training
loop are not used: validation, fitting and prediction are ours.
"""

import functools
import sys

import keras
import numpy as np

_PATCHED = (
    (keras.Model, "__reduce__"),
    (keras.Model, "__deepcopy__"),
    (keras.losses.Loss, "__reduce__"),
    (keras.metrics.Metric, "__reduce__"),
    (keras.optimizers.Optimizer, "__reduce__"),
)


def _import_scikeras():
    """Import scikeras without the five methods of Keras it replaces on import."""
    if "scikeras" in sys.modules:
        # The user's own import: what it changed, the user asked for.
        import scikeras.wrappers

        return scikeras.wrappers
    before = [vars(owner).get(name) for owner, name in _PATCHED]
    try:
        import scikeras.wrappers
    finally:
        for (owner, name), method in zip(_PATCHED, before, strict=True):
            if method is not None:
                setattr(owner, name, method)
            elif name in vars(owner):
                delattr(owner, name)
    return scikeras.wrappers


@functools.cache
def _wrapper_class():
    class Wrapper(_import_scikeras().KerasClassifier):
        """scikeras' wrapper with its data checks off: what comes in has been checked."""

        def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
            return X, y

    return Wrapper


class Adapter:
    """One network of scikeras' making: its parts, and its labels.

    Parameters
    ----------
    model : callable
        Returns a Keras model, compiled or not; takes what is routed to ``model__``.
    parameters : dict
        `optimizer`, `loss`, `metrics` and routed ones (``model__units``,
        ``optimizer__learning_rate``, ...), as scikeras takes them.
    """

    def __init__(self, model, parameters):
        # No seed: scikeras would switch the global random state and op determinism.
        self._wrapper = _wrapper_class()(model=model, random_state=None, **parameters)
        self._wrapper._random_state = None
        self._wrapper.classes_ = None

    def encode(self, y, classes=None):
        """Encode labels as the loss wants them.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Labels.
        classes : ndarray or None
            All of them, sorted; None: those in y.

        Returns
        -------
        classes : ndarray of shape (n_classes,)
        targets : ndarray of shape (n,) or (n, n_classes)
            float32.
        """
        wrapper = self._wrapper
        classes = np.unique(y) if classes is None else classes
        wrapper.classes_ = classes
        encoder = wrapper.target_encoder.fit(classes)
        vars(wrapper).update(encoder.get_metadata())
        wrapper.target_encoder_ = encoder
        wrapper.target_type_ = "binary" if len(classes) == 2 else "multiclass"
        targets = np.asarray(encoder.transform(y), dtype="float32")
        return classes, targets.ravel() if targets.shape[1] == 1 else targets

    def describe(self, X_shape, X_dtype):
        """Tell the model function what it may ask for as ``meta``.

        Parameters
        ----------
        X_shape : tuple
            Of what the network will be given; the first entry is open.
        X_dtype : str
        """
        self._wrapper.X_shape_ = tuple(X_shape)
        self._wrapper.X_dtype_ = np.dtype(X_dtype)
        self._wrapper.n_features_in_ = X_shape[1]

    def network(self):
        """Build the network.

        Returns
        -------
        keras.Model
        """
        return self._wrapper._build_keras_model()

    def compile_arguments(self, compiled=None):
        """Return new arguments for `keras.Model.compile`.

        Parameters
        ----------
        compiled : dict or None
            What `keras.Model.get_compile_config` says of a network that comes compiled;
            then its own arguments are taken.

        Returns
        -------
        dict
            `optimizer` (an instance that is not built), `loss` and `metrics`.

        Raises
        ------
        ValueError
            If there is no loss.
        """
        if compiled is not None:
            arguments = keras.saving.deserialize_keras_object(compiled)
            return {name: arguments.get(name) for name in ("optimizer", "loss", "metrics")}
        arguments = self._wrapper._get_compile_kwargs()
        if arguments["loss"] is None:
            raise ValueError("loss=None, and the model comes uncompiled: give a loss.")
        # A name that Keras knows makes a new optimizer each time, as an optimizer can be
        # built once only; an instance of the user's is copied.
        optimizer = arguments["optimizer"]
        arguments["optimizer"] = type(optimizer).from_config(optimizer.get_config())
        return {name: arguments[name] for name in ("optimizer", "loss", "metrics")}

    def callbacks(self):
        """Return new callbacks, made or copied from what was given.

        Returns
        -------
        list of keras.callbacks.Callback
        """
        self._wrapper._initialize_callbacks()
        return [callback for c in self._wrapper._fit_callbacks for callback in _flat(c)]


def _flat(callback):
    return callback if isinstance(callback, list) else [callback]
