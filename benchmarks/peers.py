"""The same networks written by hand, and scikeras made to run on today's scikit-learn."""

from functools import lru_cache


def tagged_keras_classifier():
    """Return scikeras' KerasClassifier with the tag without which folds aren't stratified."""
    from scikeras.wrappers import KerasClassifier
    from sklearn.utils import ClassifierTags

    class TaggedKerasClassifier(KerasClassifier):
        """Says that it is a classifier, which scikeras 0.13 doesn't on scikit-learn 1.7+."""

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags()
            return tags

    return TaggedKerasClassifier


def dense_network(units=64, n_features=784, n_classes=10):
    """Build a network of one hidden layer on flat rows."""
    import keras

    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


def conv_network(filters="32-64", dense_units=128, image_shape=(28, 28, 1), n_classes=10):
    """Build what `ConvClassifier` builds, on scaled images."""
    import keras
    from keras import layers

    stack = [keras.Input(image_shape)]
    for n_filters in map(int, filters.split("-")):
        stack += [
            layers.Conv2D(n_filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(padding="same"),
        ]
    stack += [
        layers.Flatten(),
        layers.Dense(dense_units, activation="relu"),
        layers.Dense(n_classes, activation="softmax"),
    ]
    return keras.Sequential(stack)


@lru_cache
def imagenet(alpha):
    """Return the weights of MobileNetV2, those of 224 x 224, from Keras' cache."""
    import keras

    return keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), alpha=alpha, include_top=False, weights="imagenet"
    ).get_weights()


def mobilenet_network(image_size=96, alpha=0.35, n_classes=6, flips=False):
    """Build a frozen MobileNetV2 with a new head, as Keras' guide to fine-tuning does."""
    import keras
    from keras import layers

    shape = (image_size, image_size, 3)
    base = keras.applications.MobileNetV2(
        input_shape=shape, alpha=alpha, include_top=False, weights=None, name="backbone"
    )
    base.set_weights(imagenet(alpha))
    base.trainable = False
    inputs = keras.Input(shape)
    x = layers.RandomFlip("horizontal")(inputs) if flips else inputs
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def two_phase_classifier():
    """Return a scikeras classifier that trains a head, then the top of its backbone.

    Every epoch runs the whole backbone: that is what one writes by hand. Batch
    normalisation stays untrainable, because ``base(x, training=False)`` alone doesn't keep
    its statistics in Keras 3.15; ours trains its scales and offsets, too.
    """
    import keras

    class TwoPhaseClassifier(tagged_keras_classifier()):
        """Adds the second phase's own parameters."""

        def __init__(
            self,
            model=None,
            *,
            unfreeze_from=None,
            fine_tune_epochs=3,
            fine_tune_learning_rate=1e-4,
            **kwargs,
        ):
            super().__init__(model, **kwargs)
            self.unfreeze_from = unfreeze_from
            self.fine_tune_epochs = fine_tune_epochs
            self.fine_tune_learning_rate = fine_tune_learning_rate

        def fit(self, X, y, **kwargs):
            super().fit(X, y, **kwargs)
            if self.unfreeze_from is None:
                return self
            base = self.model_.get_layer("backbone")
            base.trainable = True
            for index, layer in enumerate(base.layers):
                norm = isinstance(layer, keras.layers.BatchNormalization)
                layer.trainable = index >= self.unfreeze_from and not norm
            self.model_.compile(
                optimizer=keras.optimizers.Adam(self.fine_tune_learning_rate),
                loss="sparse_categorical_crossentropy",
                metrics=["accuracy"],
            )
            self.model_.fit(
                X,
                self.target_encoder_.transform(y),
                epochs=self.fine_tune_epochs,
                batch_size=self.batch_size,
                verbose=0,
            )
            return self

    return TwoPhaseClassifier
