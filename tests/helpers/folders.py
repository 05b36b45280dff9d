"""Folders of images, as users have them."""

from PIL import Image


def write_classes(folder, X, y, names):
    """Write images into a folder a class, of which `names` are the names."""
    for i, (image, label) in enumerate(zip(X, y, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
