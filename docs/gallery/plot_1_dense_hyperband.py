"""
A dense network, tuned with Hyperband
=====================================

The original project tuned a 784-units-10 network on Fashion-MNIST with Hyperband, then looked for
the best number of epochs. Here the search also draws the dropout and whether to normalise,
left and right are swapped at random, and the learning rate falls along a cosine.

.. include:: /_generated/seeds_dense.rst
"""

# %%
# Images: made up, unless ``SKFASHION_GALLERY=full`` asks for Fashion-MNIST.
import os

from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split

from skfashion import DenseClassifier
from skfashion.datasets import fetch_fashion_mnist, make_images
from skfashion.inspection import HistoryDisplay, SearchDisplay
from skfashion.model_selection import HyperbandSearchCV

full = os.environ.get("SKFASHION_GALLERY") == "full"
seed = int(os.environ.get("SKFASHION_SEED", "0"))
if full:
    X, y = fetch_fashion_mnist(return_X_y=True)
    X_test, y_test = fetch_fashion_mnist("test", return_X_y=True)
    flip, batch_size, max_epochs, longer = "flip", 256, 27, 50
else:
    X, y = make_images(2000, n_classes=10, image_size=16, noise=0.5, random_state=seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    # Made-up patterns have a left and a right.
    flip, batch_size, max_epochs, longer = None, 64, 9, 30

# %%
# Hyperband
# ---------
# Many candidates for an epoch, a third of them for three, and so on. With ``memory`` each is
# trained further and not again. The search sees a third of the training images, and a sixth of
# these says who goes on.
clf = DenseClassifier(batch_size=batch_size, augmentation=flip, memory="runs/", random_state=seed)
space = {
    "hidden_layer_sizes": ["256", "512-256", "1024-512"],
    "batch_norm": [False, True],
    "learning_rate": loguniform(2e-4, 3e-3),
    "dropout": uniform(0.1, 0.4),
}
search = HyperbandSearchCV(
    clf,
    space,
    max_resources=max_epochs,
    cv=StratifiedShuffleSplit(1, test_size=1 / 6, random_state=seed),
    refit=False,
    random_state=seed,
)
X_part, _, y_part, _ = train_test_split(
    X, y, train_size=20_000 if full else 0.99, stratify=y, random_state=seed
)
search.fit(X_part, y_part)
SearchDisplay.from_search(search, kind="parallel")

# %%
# The best epoch
# --------------
# The best candidate is trained for longer, on five sixths of all training images, and watched
# on the rest.
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=1 / 6, stratify=y, random_state=seed
)
watched = clone(clf).set_params(**search.best_params_)
watched.set_params(epochs=longer, schedule="cosine")
watched.fit(X_train, y_train, X_val=X_val, y_val=y_val)
accuracies = watched.history_["val_accuracy"]
best_epoch = 1 + accuracies.index(max(accuracies))
HistoryDisplay.from_estimator(watched)

# %%
# The final network
# -----------------
# For so many epochs, on all training images. The test images are looked at here and nowhere
# before.
final = clone(watched).set_params(epochs=best_epoch).fit(X, y)
figures = {
    "validation_accuracy": max(accuracies),
    "test_accuracy": final.score(X_test, y_test),
}
chosen = {**search.best_params_, "epochs": best_epoch}
print("Fashion-MNIST:" if full else "Made-up images:")
for name, value in {**chosen, **figures}.items():
    print(f"  {name:20} {f'{value:.4g}' if isinstance(value, float) else value}")
