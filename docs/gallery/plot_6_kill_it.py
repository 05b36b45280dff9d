"""
Kill it and run it again
========================

A search is killed with SIGKILL half way: no handler runs, nothing is tidied up. The same
program is started again, and goes on.
"""

# %%
# The program: nothing in it is about being killed, but for ``memory`` and an integer seed.
import os
import subprocess
import sys
import tempfile
import time

import matplotlib.pyplot as plt

from skfashion.inspection import runs_frame

program = """
from sklearn.model_selection import GridSearchCV
from skfashion import ConvClassifier
from skfashion.datasets import make_images

X, y = make_images(1200, n_classes=4, image_size=28, noise=0.8, random_state=0)
clf = ConvClassifier("16-32", epochs=4, memory="runs/", random_state=0)
search = GridSearchCV(clf, {"learning_rate": [1e-4, 1e-3, 1e-2]}, cv=3).fit(X, y)
print(search.best_params_, *search.cv_results_["mean_test_score"].round(4))
"""
folder = tempfile.TemporaryDirectory()
memory = os.path.join(folder.name, "runs")


def start(cwd=folder.name):
    """Start the program."""
    command = [sys.executable, "-c", program]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=cwd, text=True, **pipes)


def finished():
    """Return how many fits are kept."""
    return int(runs_frame(memory)["finished"].sum()) if os.path.isdir(memory) else 0


# %%
# Killed
# ------
# Nine fits on folds are due, and one on all images. After four of them:
began = time.perf_counter()
running = start()
while finished() < 4 and running.poll() is None:
    time.sleep(0.05)
running.kill()
print("exit status", running.wait())
seconds = {"killed": time.perf_counter() - began}
kept = finished()
print(kept, "fits are kept")

# %%
# Run again
# ---------
# What is finished is read back, the rest is trained.
began = time.perf_counter()
print(start().communicate()[0])
seconds["run again"] = time.perf_counter() - began
print(kept, "of", finished(), "fits were read back")

# %%
# As if nothing had happened
# --------------------------
# A search that was never killed, in another folder, ends in the same numbers.
began = time.perf_counter()
with tempfile.TemporaryDirectory() as other:
    print(start(other).communicate()[0])
seconds["never killed"] = time.perf_counter() - began
folder.cleanup()

_, ax = plt.subplots(figsize=(6, 2.4), layout="constrained")
ax.barh("never killed", seconds["never killed"], color="#0072b2")
ax.barh("in two parts", seconds["killed"], color="#999999", label="killed")
ax.barh(
    "in two parts", seconds["run again"], left=seconds["killed"], color="#d55e00", label="run again"
)
ax.set_xlabel("seconds, imports and the start of Python included")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
