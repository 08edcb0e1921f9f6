"""What the peers share: the files of a folder, and the images of VGG16."""
import os

import numpy as np


def files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def vgg16_image(path):
    """[224, 224, 3] in the order and with the means that VGG16 wants."""
    from PIL import Image

    mean = np.array([103.939, 116.779, 123.68], "float32")
    return np.asarray(Image.open(path).convert("RGB").resize((224, 224), Image.BILINEAR), "float32")[..., ::-1] - mean


def images(folder, batch):
    """Batches of a folder's images."""
    paths = files(folder)
    for at in range(0, len(paths), batch):
        yield np.stack([vgg16_image(path) for path in paths[at : at + batch]])
