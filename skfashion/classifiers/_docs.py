"""Descriptions of the parameters and attributes that classifiers share."""

PARAMETERS = {
    "epochs": ("int", "Passes over the training images."),
    "batch_size": ("int", "Images in a training step."),
    "learning_rate": ("float", "Learning rate of the optimizer."),
    "schedule": (
        '{"constant", "cosine"}',
        """Course of the learning rate: "cosine" lets it fall to zero over the epochs of a phase
        (Loshchilov and Hutter, "SGDR", ICLR 2017), and a fit of more epochs then begins anew.
        `partial_fit` leaves it constant.""",
    ),
    "optimizer": (
        '{"adam", "adamw", "rmsprop", "sgd"} or Keras optimizer class',
        "Optimizer, with Keras' defaults for its other settings; capitals don't matter.",
    ),
    "loss": (
        "str or Keras loss class",
        """Loss of class indices; ``"categorical_crossentropy"`` and its kin get one-hot rows made
        from the labels. Where images have several labels, the default is binary cross-entropy.""",
    ),
    "augmentation": (
        "str or sequence of str",
        """Random changes of the training images, such as ``"flip+shift"``: of "flip" (left-right),
        "shift" (by a tenth), "rotate" (by 18 degrees), "zoom" (by a tenth) and "erase" (a
        rectangle). Above a backbone "flip" alone takes turns between an image and its mirror
        image, so that what is frozen is computed once for each; all others end the reuse.""",
    ),
    "early_stopping": (
        "bool",
        """Whether to set a stratified part of the training images aside, stop when the score on
        it stops rising, and restore the best weights; in each phase where there are two.""",
    ),
    "scoring": (
        "str",
        """Score that early stopping watches: "accuracy", "loss", or another one of
        `sklearn.metrics.get_scorer_names`, such as "balanced_accuracy" or "roc_auc_ovr".""",
    ),
    "validation_fraction": (
        "float or splitter",
        """Share of the training images that early stopping watches, or a splitter of scikit-learn's
        whose first split is taken.""",
    ),
    "n_iter_no_change": (
        "int",
        "Training stops after more than this many epochs in a row without an improvement.",
    ),
    "tol": ("float", "Least improvement of the score that counts for early stopping."),
    "class_weight": (
        'dict or "balanced"',
        """Weight of each label; "balanced": inversely proportional to its frequency. Times
        `sample_weight` their mean is made 1 before the loss gets them, which Keras doesn't do.""",
    ),
    "multilabel": (
        '"auto" or bool',
        """Whether an image may have several labels, y being an indicator: a column of 0 and 1 for
        each label. "auto": where some row of y has none or several. Rows of exactly one 1 could
        be one-hot classes, and are refused.""",
    ),
    "test_time_flip": (
        "bool",
        """Whether probabilities are the mean over an image and its mirror image, which takes
        another pass. `model_` is the network alone.""",
    ),
    "callbacks": (
        "list of Keras callbacks or callback classes",
        """Keras callbacks, copied for each fit. They see the whole network; with them nothing is
        shared between fits.""",
    ),
    "warm_start": ("bool", "Whether `fit` begins with the weights of the last one."),
    "max_fit_seconds": ("float", "Seconds after which training ends with the running epoch."),
    "image_shape": (
        "tuple of int",
        """Height, width and channels of flat rows, the channels of a pixel side by side; or
        channels, height and width, such as ``(3, 32, 32)``, of rows and images with all of red
        first, then all of green and of blue. None: square grey, else square RGB, else one line,
        which convolutions take if it is shorter than 64 values.""",
    ),
    "input_range": (
        '{"auto", "0-255", "0-1", "-1-1", "as-is"} or pair of float',
        'Values of black and white; "auto" tells them from the training pixels of any dtype.',
    ),
    "dtype_policy": (
        "str",
        """Keras' dtype policy, such as "mixed_float16". None: the one that is set in the thread
        that fits.""",
    ),
    "memory": (
        "str, path or joblib.Memory",
        """Folder in which finished fits, checkpoints and outputs of frozen layers are kept and
        found again.""",
    ),
    "random_state": (
        "int, RandomState instance or None",
        """Seed of the weights, the order of images, dropout, augmentation and the validation part.
        None draws a new one without touching NumPy's global state.""",
    ),
    "verbose": ("int", "Amount of printing: 1 a line per fit, 2 a line per epoch."),
}

ATTRIBUTES = {
    "classes_": (
        "ndarray of shape (n_classes,)",
        "Labels, sorted; of several labels an image the numbers of the columns.",
    ),
    "n_classes_": ("int", "Number of labels."),
    "history_": (
        "dict of list",
        """One entry per epoch: ``phase``, ``learning_rate``, ``loss`` and ``accuracy`` of the
        training images, ``val_loss`` and ``val_accuracy`` where there are validation images, and
        ``val_`` with the name in `scoring` where early stopping watches another score. Of several
        labels an image accuracy is the share of labels that are right, not of images.""",
    ),
    "image_shape_": ("tuple of int", "Height, width and channels of the images."),
    "input_range_": (
        "str or (float, float)",
        """Range of the training pixels, black and white if it has no name. None while
        `partial_fit` has seen black images alone: the next batch decides.""",
    ),
    "loss_curve_": ("list of float", "Loss of the training images in each epoch."),
    "model_": ("keras.Model", "Whole network as it predicts, built at first access."),
    "multilabel_": ("bool", "Whether images have several labels."),
    "n_features_in_": ("int", "Pixels times channels."),
    "feature_names_in_": (
        "ndarray of shape (n_features_in_,)",
        "Names of the columns, where X was a frame.",
    ),
    "n_iter_": ("int", "Epochs trained."),
    "stopped_by_time_": ("bool", "Whether `max_fit_seconds` ended the training."),
}
