"""
Features and a logistic regression, or fine-tuning
==================================================

The shortest way from ImageNet to classes of your own is a Pipeline: the features of a frozen
network, and a logistic regression on them. Here it stands beside a head that Keras trains on the
same features, and beside fine-tuning, on more and more images.

With 120 images the head is ahead of the regression by 1.5 points, with 600 all three are level,
and with all images fine-tuning is ahead by 0.6 points, for five times the time. The head's loss is
lower than the regression's throughout. So begin with either of the two. Rates chosen by
cross-validation and larger images add to fine-tuning: see :doc:`plot_4_before_and_after`.

.. include:: /_generated/heads.rst
"""

# %%
# Images: made up, unless ``SKFASHION_GALLERY=full`` asks for the files of the scenes,
# ``intel-scenes`` in the folder that ``SKFASHION_DATA`` names.
import os
from time import process_time

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfashion import BackboneFeatures, MobileNetFineTuner, clear_caches
from skfashion.datasets import load_image_folder, make_images
from skfashion.preprocessing import ImageReader

full = os.environ.get("SKFASHION_GALLERY") == "full"
seed = int(os.environ.get("SKFASHION_SEED", "0"))
if full:
    folder = os.path.join(os.environ.get("SKFASHION_DATA", "data"), "intel-scenes")
    X, y = load_image_folder(os.path.join(folder, "train"), return_X_y=True)
    X_test, y_test = load_image_folder(os.path.join(folder, "test"), return_X_y=True)
    reader = ImageReader(size=128)
    weights, C, sizes = "imagenet", 0.003, [120, 600, len(X)]
    settings = {"epochs": 10}
else:
    X, y = make_images(400, n_classes=3, image_size=48, channels=3, noise=0.05, random_state=seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    reader = "passthrough"
    weights, C, sizes = None, 0.1, [30, 90, len(X)]
    settings = {"epochs": 20, "learning_rate": 5e-3, "fine_tune_epochs": 5}

# %%
# Three ways
# ----------
# The backbone is the same, and so are the pixels. The regression wants features of one scale, and a
# small ``C``: there are more of them than images of a class.
backbone = {"alpha": 0.35, "weights": weights}
training = {**settings, "schedule": "cosine", "dropout": 0.3, "random_state": seed}
ways = {
    "regression": make_pipeline(
        reader,
        BackboneFeatures("mobilenet_v2", **backbone),
        StandardScaler(),
        LogisticRegression(C=C, max_iter=1000),
    ),
    "head": make_pipeline(reader, MobileNetFineTuner(**backbone, **training)),
    "fine-tuning": make_pipeline(
        reader, MobileNetFineTuner(unfreeze_from="block_13", **backbone, **training)
    ),
}

# %%
# More and more images
# --------------------
# Time is that of all cores together, from files to a fitted Pipeline, with nothing known before.
figures = {}
for name, way in ways.items():
    for size in sizes:
        part = range(len(X))
        if size < len(X):
            part, _ = train_test_split(part, train_size=size, stratify=y, random_state=seed)
        clear_caches()
        before = process_time()
        fitted = clone(way).fit(X[part], y[part])
        figures[f"{name}_{size}_seconds"] = process_time() - before
        told = fitted.predict_proba(X_test)
        predicted = fitted.classes_[told.argmax(axis=1)]
        figures[f"{name}_{size}_accuracy"] = accuracy_score(y_test, predicted)
        figures[f"{name}_{size}_loss"] = log_loss(y_test, told)

# %%
# What was got right of images that nobody has seen, and what it cost:
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, what in zip(axes, ("accuracy", "seconds"), strict=True):
    for name in ways:
        ax.plot(sizes, [figures[f"{name}_{size}_{what}"] for size in sizes], "o-", label=name)
    ax.set(xscale="log", xlabel="training images", xticks=sizes, xticklabels=sizes)
    ax.minorticks_off()
axes[0].set_ylabel("accuracy, test images")
axes[1].set(ylabel="seconds, all cores together", yscale="log")
axes[0].legend(frameon=False)

for key, value in figures.items():
    print(f"{key:28} {value:8.4f}")
