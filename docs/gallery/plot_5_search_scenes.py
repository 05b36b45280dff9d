"""
A cross-validated search over what to unfreeze
==============================================

The original project tuned MobileNetV2 on Intel scenes, a fourth of the images, in three hours. It
named two things as left out for lack of time: cross-validation, and training more than the
last layer. Here both are in the search: three folds, and ``unfreeze_from`` in the grid. It is
quick because candidates share what they have in common: decoded files, the output of the
frozen layers, the trained head. Probabilities are the mean over an image and its mirror image.

.. include:: /_generated/seeds_scenes.rst
"""

# %%
# Images: made up, unless ``SKFASHION_GALLERY=full`` asks for the files of the scenes,
# ``intel-scenes`` in the folder that ``SKFASHION_DATA`` names.
import os
from time import perf_counter

from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline

from skfashion import MobileNetFineTuner
from skfashion.datasets import load_image_folder, make_images
from skfashion.inspection import HistoryDisplay, SearchDisplay
from skfashion.preprocessing import ImageReader

full = os.environ.get("SKFASHION_GALLERY") == "full"
seed = int(os.environ.get("SKFASHION_SEED", "0"))
if full:
    folder = os.path.join(os.environ.get("SKFASHION_DATA", "data"), "intel-scenes")
    X, y = load_image_folder(os.path.join(folder, "train"), return_X_y=True)
    X_test, y_test = load_image_folder(os.path.join(folder, "test"), return_X_y=True)
    reader = ImageReader(size=224, memory="runs/")
    settings = {"weights": "imagenet", "epochs": 8, "fine_tune_epochs": 6}
    rates, n_folds = [3e-5, 1e-4], 3
else:
    X, y = make_images(600, n_classes=3, image_size=48, channels=3, noise=0.05, random_state=seed)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    reader = "passthrough"
    settings = {"weights": None, "epochs": 30, "fine_tune_epochs": 3, "image_size": 64}
    rates, n_folds = [1e-3], 2

# %%
# The search
# ----------
# Without fine-tuning its rate says nothing, so the grid comes in two parts.
clf = MobileNetFineTuner(
    alpha=0.35,
    dropout=0.3,
    test_time_flip=True,
    memory="runs/",
    random_state=seed,
    **settings,
)
step = "mobilenetfinetuner"
grid = [
    {f"{step}__unfreeze_from": [None]},
    {
        f"{step}__unfreeze_from": ["block_13", "block_16"],
        f"{step}__fine_tune_learning_rate": rates,
    },
]
cv = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
search = GridSearchCV(make_pipeline(reader, clf), grid, cv=cv)
started = perf_counter()
search.fit(X, y)
seconds = perf_counter() - started
chosen = {name.split("__")[1]: value for name, value in search.best_params_.items()}
print(f"{search.best_score_:.4f}", chosen)
SearchDisplay.from_search(search, f"{step}__unfreeze_from")

# %%
# The curves of all candidates, read from what ``memory`` keeps:
HistoryDisplay.from_search(search)

# %%
# On images that nobody has seen
# ------------------------------
predicted = search.predict(X_test)
figures = {
    "validation_accuracy": search.best_score_,
    "training_accuracy": search.best_estimator_[-1].history_["accuracy"][-1],
    "test_accuracy": float((predicted == y_test).mean()),
    "search_minutes": seconds / 60,
}
ConfusionMatrixDisplay.from_predictions(y_test, predicted, xticks_rotation=45)
print("Intel scenes:" if full else "Made-up images:")
for name, value in figures.items():
    print(f"  {name:20} {value:.4f}")
