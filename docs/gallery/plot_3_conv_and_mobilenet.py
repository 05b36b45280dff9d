"""
A small network and a large one, in one comparison
==================================================

The original project tuned a convolutional network on Fashion-MNIST, then fine-tuned MobileNet on
it, with images standardised or scaled to 0-1, and one-hot labels. Here both stand in one
Pipeline, and one grid compares them. The large one sees each image and its mirror image, in
training and when it predicts; its frozen part still computes each of the two once.

.. include:: /_generated/seeds_mobilenet.rst
"""

# %%
# Images: made up, unless ``SKFASHION_GALLERY=full`` asks for Fashion-MNIST.
import os

import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, train_test_split
from sklearn.pipeline import Pipeline

from skfashion import ConvClassifier, MobileNetFineTuner
from skfashion.datasets import fetch_fashion_mnist, make_images
from skfashion.inspection import HistoryDisplay
from skfashion.preprocessing import PixelScaler

full = os.environ.get("SKFASHION_GALLERY") == "full"
seed = int(os.environ.get("SKFASHION_SEED", "0"))
if full:
    X, y = fetch_fashion_mnist(return_X_y=True)
    X_test, y_test = fetch_fashion_mnist("test", return_X_y=True)
else:
    X, y = make_images(700, n_classes=3, image_size=28, noise=0.05, random_state=seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)

# %%
# One grid for both
# -----------------
# The last step of the Pipeline is a parameter like any other. An 80/20 split of a tenth of
# the training images decides. One-hot rows are the loss's business, not yours.
settings = {
    "loss": "categorical_crossentropy",
    "batch_size": 64,
    "schedule": "cosine",
    "memory": "runs/",
    "random_state": seed,
}
conv = ConvClassifier("32-64", epochs=10 if full else 4, dropout=0.3, **settings)
mobilenet = MobileNetFineTuner(
    alpha=0.35,
    weights="imagenet" if full else None,
    image_size=80 if full else 64,
    epochs=1 if full else 30,
    fine_tune_epochs=8 if full else 2,
    learning_rate=3e-3,
    fine_tune_learning_rate=3e-4 if full else 1e-3,
    augmentation="flip" if full else None,  # made-up patterns have a left and a right
    test_time_flip=full,
    **settings,
)
scalers = [PixelScaler("unit"), PixelScaler("standard")]
grid = [
    {"clf": [conv], "scale": scalers, "clf__dense_units": [0, 128]},
    {"clf": [mobilenet], "clf__unfreeze_from": ["block_3", "block_13"]},
]
X_part, _, y_part, _ = train_test_split(
    X, y, train_size=6000 if full else 0.9, stratify=y, random_state=seed
)
pipe = Pipeline([("scale", "passthrough"), ("clf", conv)])
cv = StratifiedShuffleSplit(1, test_size=0.2, random_state=seed)
search = GridSearchCV(pipe, grid, cv=cv, refit=False).fit(X_part, y_part)

table = pd.DataFrame(search.cv_results_)
table["network"] = [type(params["clf"]).__name__ for params in table["params"]]
columns = ["network", "param_scale", "param_clf__dense_units", "param_clf__unfreeze_from"]
print(table[[*columns, "mean_test_score"]].round(4).to_string(index=False, na_rep="-"))

# %%
# The best of each, on all training images
# ----------------------------------------
figures = {}
# sphinx_gallery_thumbnail_number = 2
for network, best in table.sort_values("mean_test_score").groupby("network").last().iterrows():
    final = clone(pipe).set_params(**best["params"]).fit(X, y)
    display = HistoryDisplay.from_estimator(final)
    display.figure_.suptitle(network)
    figures[f"{network}_test_accuracy"] = final.score(X_test, y_test)
print("Fashion-MNIST:" if full else "Made-up images:")
for name, value in figures.items():
    print(f"  {name:32} {value:.4f}")
