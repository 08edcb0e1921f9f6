"""Decoded and prepared images by Pillow, NumPy and Keras, as vectors: `python make_vectors.py` (pip install numpy pillow keras tensorflow)
writes vectors.json.

Every file is made here. `decoded` is what Pillow reads, upright, on white, in 8-bit RGB. `prepared` is a resize, crop or change of channels:
the separable filters are written out in NumPy (float64, widened where they shrink, pixel centres at halves, edges renormalized), which for
those that Pillow has is compared with Pillow here. Grey is the luminance of linear light (Rec. 709) as an sRGB value. `normalized` are the first six pixels of two rows as
Keras' preprocess_input makes them.
"""
import base64
import io
import json
import struct
import zlib

import numpy as np
from keras.applications import imagenet_utils
from PIL import Image, ImageOps

rng = np.random.default_rng(7)


def smooth(height, width, channels):
    """Waves with some noise: neither flat nor white noise, so that filters differ and JPEG stays close."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 80 * np.sin(x / (3 + c) + c) * np.cos(y / (4 - c)) + 30 * (x / width - y / height) for c in range(channels)]
    noise = rng.normal(0, 6, (height, width, channels))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(width, height, depth, colour, rows):
    """A PNG by hand, for what Pillow cannot write: 16-bit colours."""
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def upright(data):
    """As a viewer shows it, on white, 8 bits of RGB."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


H, W = 11, 13
rgb = smooth(H, W, 3)
alpha = np.clip(np.add.outer(np.arange(H) * 20, np.arange(W) * 4), 0, 255).astype(np.uint8)
gray = smooth(H, W, 1)[..., 0]
deep = (smooth(H, W, 3).astype(np.uint16) << 8) | rng.integers(0, 256, (H, W, 3), dtype=np.uint16)
deep_gray = (gray.astype(np.uint16) << 8) | rng.integers(0, 256, (H, W), dtype=np.uint16)
colours = Image.fromarray(rgb)
palette = colours.quantize(16)

files = {
    "png rgb": save(colours, "PNG"),
    "png grey": save(Image.fromarray(gray), "PNG"),
    "png rgb and alpha": save(Image.fromarray(np.dstack([rgb, alpha])), "PNG"),
    "png grey and alpha": save(Image.fromarray(np.dstack([gray, alpha]), "LA"), "PNG"),
    "png palette": save(palette, "PNG"),
    "png palette with a clear colour": save(palette, "PNG", transparency=3),
    "png one bit": save(Image.fromarray(gray > 127), "PNG"),
    "gif": save(palette, "GIF"),
    "jpeg rgb 4:4:4": save(colours, "JPEG", quality=95, subsampling=0),
    "jpeg grey": save(Image.fromarray(gray), "JPEG", quality=90),
    "jpeg progressive": save(colours, "JPEG", quality=95, subsampling=0, progressive=True),
    "webp lossless": save(colours, "WEBP", lossless=True),
    "webp lossless with alpha": save(Image.fromarray(np.dstack([rgb, alpha])), "WEBP", lossless=True, exact=True),
    "gif of two frames": save(palette, "GIF", save_all=True, append_images=[Image.fromarray(255 - rgb).quantize(16)]),
    "apng of two frames": save(colours, "PNG", save_all=True, append_images=[Image.fromarray(255 - rgb)]),
    "webp of two frames": save(colours, "WEBP", lossless=True, save_all=True, append_images=[Image.fromarray(255 - rgb)]),
}
expected = {name: upright(data) for name, data in files.items()}
files["png rgb of 16 bits"] = png(W, H, 16, 2, [row.astype(">u2").tobytes() for row in deep])
expected["png rgb of 16 bits"] = (deep >> 8).astype(np.uint8)
files["png grey of 16 bits"] = png(W, H, 16, 0, [row.astype(">u2").tobytes() for row in deep_gray])
expected["png grey of 16 bits"] = np.repeat((deep_gray >> 8).astype(np.uint8)[..., None], 3, -1)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = f"jpeg of EXIF orientation {orientation}"
    files[name] = save(colours, "JPEG", quality=95, subsampling=0, exif=exif)
    expected[name] = upright(files[name])
files["jpeg of EXIF orientation 99"] = save(colours, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0broken")
expected["jpeg of EXIF orientation 99"] = np.asarray(Image.open(io.BytesIO(files["jpeg of EXIF orientation 99"])))


def cubic(b, c):
    """Mitchell and Netravali, "Reconstruction filters in computer graphics", 1988, equation 8."""
    def kernel(x):
        x = np.abs(x)
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b
        far = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6
    return kernel


def lanczos(a):
    return lambda x: np.where(np.abs(x) < a, np.sinc(x) * np.sinc(x / a), 0)


KERNELS = {
    "bilinear": (lambda x: np.maximum(0, 1 - np.abs(x)), 1, Image.Resampling.BILINEAR),
    "cubic": (cubic(0, 0.5), 2, Image.Resampling.BICUBIC),
    "mitchell": (cubic(1 / 3, 1 / 3), 2, None),
    "lanczos2": (lanczos(2), 2, None),
    "lanczos3": (lanczos(3), 3, Image.Resampling.LANCZOS),
}


def matrix(size, wanted, kernel, support):
    """[wanted, size]: what each new pixel takes of each old one."""
    if size == wanted:
        return np.eye(size)
    scale = size / wanted
    wide = max(scale, 1)
    centres = (np.arange(wanted) + 0.5) * scale
    weights = kernel((np.arange(size)[None, :] + 0.5 - centres[:, None]) / wide)
    return weights / weights.sum(1, keepdims=True)


def resize(pixels, height, width, name):
    if name == "nearest":
        rows = ((np.arange(height) + 0.5) * pixels.shape[0] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * pixels.shape[1] / width).astype(int)
        out = pixels[rows][:, columns]
        # Where a centre lies between two pixels, Pillow's sums in floating point fall to either.
        assert (out == np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST))).mean() > 0.7
        return out
    kernel, support, pillow = KERNELS[name]
    down = matrix(pixels.shape[0], height, kernel, support)
    across = matrix(pixels.shape[1], width, kernel, support)
    out = np.einsum("yi,xj,ijc->yxc", down, across, pixels.astype(np.float64))
    out = np.clip(np.rint(out), 0, 255)
    if pillow is not None:
        by_pillow = np.asarray(Image.fromarray(pixels).resize((width, height), pillow)).astype(float)
        assert np.abs(out - by_pillow).max() <= 2, (name, height, width, np.abs(out - by_pillow).max())
    return out.astype(np.uint8)


def luminance(pixels):
    s = pixels / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    back = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * back).astype(np.uint8)[..., None]


photo = smooth(24, 30, 3)
photo_file = save(Image.fromarray(photo), "PNG")
prepared = []


def case(spec, pixels):
    prepared.append({"spec": spec, "pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()})


for kernel in ["nearest", *KERNELS]:
    for height, width in [(24, 30), (40, 47), (35, 31), (12, 15), (40, 15), (10, 9), (5, 7), (3, 4)]:
        case({"height": height, "width": width, "kernel": kernel}, resize(photo, height, width, kernel))
# cover: 24×30 to 12×12 is 12×15, of which three columns are cut off, two at the start; contain: 12×15 with black rows above and below.
case({"height": 12, "width": 12, "fit": "cover"}, resize(photo, 12, 15, "bilinear")[:, 2:14])
case({"height": 14, "width": 15, "fit": "contain"}, np.pad(resize(photo, 12, 15, "bilinear"), ((1, 1), (0, 0), (0, 0))))
case({"height": 12, "width": 12, "crop": {"height": 24, "width": 24}}, resize(photo[:, 3:27], 12, 12, "bilinear"))
case({"height": 6, "width": 5, "crop": {"height": 12, "width": 11}}, resize(resize(photo, 12, 15, "bilinear")[:, 2:13], 6, 5, "bilinear"))
case({"height": 24, "width": 30, "channels": "gray"}, luminance(photo))
case({"height": 24, "width": 30, "channels": "gray-as-rgb"}, np.repeat(luminance(photo), 3, -1))
case({"height": 36, "width": 36, "fit": "cover"}, resize(photo, 36, 45, "bilinear")[:, 5:41])
case({"height": 36, "width": 30, "fit": "contain"}, np.pad(photo, ((6, 6), (0, 0), (0, 0))))
case({"height": 51, "width": 60, "fit": "contain", "kernel": "cubic"}, np.pad(resize(photo, 48, 60, "cubic"), ((1, 2), (0, 0), (0, 0))))
case({"height": 40, "width": 40, "crop": {"height": 32, "width": 32}}, resize(resize(photo, 32, 40, "bilinear")[:, 4:36], 40, 40, "bilinear"))
modes = {mode: imagenet_utils.preprocess_input(photo[:2, :3].astype("float32"), data_format="channels_last", mode=mode) for mode in ["caffe", "tf", "torch"]}
modes["unit"] = photo[:2, :3] / np.float32(255)
modes["none"] = photo[:2, :3].astype("float32")

encode = lambda data: base64.b64encode(data).decode()
with open("vectors.json", "w") as out:
    json.dump(
        {
            "decoded": [
                {"name": name, "file": encode(data), "height": expected[name].shape[0], "width": expected[name].shape[1],
                 "pixels": encode(np.ascontiguousarray(expected[name]).tobytes())}
                for name, data in files.items()
            ],
            "photo": encode(photo_file),
            "prepared": prepared,
            "normalized": {mode: [float(value) for value in numbers.ravel()] for mode, numbers in modes.items()},
        },
        out, indent=1,
    )
    out.write("\n")
