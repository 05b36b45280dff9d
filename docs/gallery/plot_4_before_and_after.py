"""
Fine-tuning a MobileNet: before and after
=========================================

The original project trained a new head on MobileNetV2 for two classes, then everything from layer
100 on at a tenth of the rate, ten epochs each, with RMSprop. Here it is the same recipe with
three changes that cross-validation on the training images chose: larger images, dropout before
the head, and rates that fall along a cosine. Probabilities are the mean over an image and its
mirror image. The two networks share the head: it is trained once.

Without these changes, five runs ended at 95.4% after fine-tuning on the test images below, one
of them at 90.2%: the last epoch of a constant rate is a matter of luck. The original project stays
a little ahead, and clearly so in the loss: fine-tuned on 2,000 images, this smaller network is
right more often than before, and surer of its mistakes.

.. include:: /_generated/seeds_cats.rst
"""

# %%
# Images: made up, unless ``SKFASHION_GALLERY=full`` asks for the files of cats and dogs,
# ``cats-vs-dogs`` in the folder that ``SKFASHION_DATA`` names.
import os

from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skfashion import MobileNetFineTuner
from skfashion.datasets import load_image_folder, make_images
from skfashion.inspection import HistoryDisplay, MistakesDisplay
from skfashion.preprocessing import ImageReader

full = os.environ.get("SKFASHION_GALLERY") == "full"
seed = int(os.environ.get("SKFASHION_SEED", "0"))
if full:
    folder = os.path.join(os.environ.get("SKFASHION_DATA", "data"), "cats-vs-dogs")
    X, y = load_image_folder(os.path.join(folder, "train"), return_X_y=True)
    X_test, y_test = load_image_folder(os.path.join(folder, "test"), return_X_y=True)
    reader = ImageReader(size=288, memory="runs/")  # file names in, pixels out
    settings = {"weights": "imagenet", "epochs": 10, "learning_rate": 1e-3, "image_size": 288}
else:
    X, y = make_images(600, n_classes=3, image_size=48, channels=3, noise=0.05, random_state=seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    reader = "passthrough"
    settings = {"weights": None, "epochs": 30, "learning_rate": 5e-3, "image_size": 64}

# %%
# Before: a new head
# ------------------
# The frozen backbone sees each image once. The epochs train on what it said.
before = make_pipeline(
    reader,
    MobileNetFineTuner(
        alpha=0.35,
        optimizer="rmsprop",
        fine_tune_learning_rate=settings["learning_rate"] / 10,
        fine_tune_epochs=10,
        schedule="cosine",
        dropout=0.3,
        test_time_flip=True,
        **settings,
        memory="runs/",
        random_state=seed,
    ),
).fit(X, y)

# %%
# After: everything from layer 100 on
# -----------------------------------
# The head is read back. The dashed line is where fine-tuning begins.
after = clone(before).set_params(mobilenetfinetuner__unfreeze_from=100).fit(X, y)
HistoryDisplay.from_estimator(after)
print(after[-1].unfreeze_from_, after[-1].n_trainable_layers_, "layers trained")

# %%
# On images that nobody has seen
# ------------------------------
figures = {}
# sphinx_gallery_thumbnail_number = 2
for name, clf in (("before", before), ("after", after)):
    probabilities = clf.predict_proba(X_test)
    predicted = clf.classes_[probabilities.argmax(axis=1)]
    figures[f"{name}_test_accuracy"] = accuracy_score(y_test, predicted)
    figures[f"{name}_test_loss"] = log_loss(y_test, probabilities)
print("Cats and dogs:" if full else "Made-up images:")
for name, value in figures.items():
    print(f"  {name:20} {value:.4f}")

# %%
# Those it is most wrong about:
MistakesDisplay.from_estimator(after, X_test, y_test, n_images=8)
