"""torch, on the CPU or an NVIDIA GPU. A peer prepares, and gives its title and what runs it once."""
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from images import batches, files, vgg16_reader

VGG16 = [64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool"]


def torch_on(device, precision):
    """The device and the type to compute in; TF32 only where it is named."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ImportError("a torch that sees an NVIDIA GPU", name="a torch that sees an NVIDIA GPU")
    torch.set_num_threads(os.cpu_count())
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    return torch.device(device), torch.float16 if precision == "float16" else torch.float32


def torch_title():
    import torch

    where = f" on {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"torch {torch.__version__}{where}"


def torch_vgg16(device, kind):
    import torch

    nn = torch.nn
    layers, channels = [], 3
    for width in VGG16:
        layers += [nn.MaxPool2d(2)] if width == "pool" else [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        channels = channels if width == "pool" else width
    model = nn.Sequential(*layers).eval().to(device, kind, memory_format=torch.channels_last)

    def forward(x):
        """From an array [rows, 224, 224, 3] in memory to one."""
        with torch.inference_mode():
            there = torch.from_numpy(x).permute(0, 3, 1, 2).to(device, non_blocking=True).to(kind)
            return model(there).float().cpu().numpy()

    return forward


def vgg16_torch(folder):
    read = vgg16_reader()
    forward = torch_vgg16(*torch_on("cpu", "float32"))
    forward(np.zeros((8, 224, 224, 3), "float32"))

    def run():
        for x in batches(read, folder, 8):
            forward(x)

    return torch_title(), run


def vgg16_memory_torch(device, precision, batch):
    """One batch from memory to memory."""
    forward = torch_vgg16(*torch_on(device, precision))
    x = np.full((int(batch), 224, 224, 3), 0.5, "float32")
    for _ in range(3):
        forward(x)
    return torch_title(), lambda: forward(x)


def vgg16_files_torch(device, precision, batch, folder):
    """A folder's images, decoded by as many threads as there are cores, one batch ahead."""
    read = vgg16_reader()
    forward = torch_vgg16(*torch_on(device, precision))
    paths, rows = files(folder), int(batch)
    pool = ThreadPoolExecutor(os.cpu_count())
    forward(np.zeros((rows, 224, 224, 3), "float32"))

    def run():
        groups = [paths[at : at + rows] for at in range(0, len(paths), rows)]
        ahead = [pool.submit(read, path) for path in groups[0]]
        for i in range(len(groups)):
            ready = np.stack([one.result() for one in ahead])
            ahead = [pool.submit(read, path) for path in groups[i + 1]] if i + 1 < len(groups) else []
            forward(ready)

    return torch_title(), run


def head_torch(device, precision):
    """20 steps of the head 25088-1000-500-150-10, Adam, batch 128, the batch taken from memory every time."""
    import torch

    there, _ = torch_on(device, precision)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(25088, 1000), nn.ReLU(), nn.Linear(1000, 500), nn.Sigmoid(), nn.Linear(500, 150), nn.Sigmoid(), nn.Linear(150, 10)).to(there)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss = nn.CrossEntropyLoss()
    x = torch.rand((128, 25088))
    y = torch.arange(128) % 10

    def run():
        for _ in range(20):
            optimizer.zero_grad()
            value = loss(model(x.to(there)), y.to(there))
            value.backward()
            optimizer.step()
            value.item()

    run()
    return torch_title(), run


def cnn_torch():
    import torch

    torch_on("cpu", "float32")
    nn = torch.nn
    channels = [3, 32, 32, 32]
    blocks = [layer for i in range(3) for layer in (nn.Conv2d(channels[i], 32, 5), nn.ReLU(), nn.MaxPool2d(4))]
    model = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss = nn.CrossEntropyLoss()
    x = torch.rand((256, 3, 224, 224)).contiguous(memory_format=torch.channels_last)
    y = torch.arange(256) % 10

    def run():
        for at in range(0, 256, 32):
            optimizer.zero_grad()
            value = loss(model(x[at : at + 32]), y[at : at + 32])
            value.backward()
            optimizer.step()
            value.item()

    run()
    return torch_title(), run


def product_torch(device, precision):
    """A product of two 8192² matrices that stay on the device: 1.1 · 10¹² operations."""
    import torch

    there, kind = torch_on(device, precision)
    side = 8192
    a, b = (torch.rand((side, side), device=there, dtype=kind) for _ in range(2))

    def run():
        (a @ b)[0, 0].item()

    run()
    return torch_title(), run
