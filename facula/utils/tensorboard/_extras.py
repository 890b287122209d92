"""Videos, embeddings and layouts of diagrams for SummaryWriter."""

from __future__ import annotations

import io
import math
import os

import facula as torch

from ._record import message, text, varint
from ._summary import _plugin, _value, as_array, png

__all__ = ["custom_scalars", "embedding", "video"]


def video(tag: str, value, fps=4) -> bytes:
    """A moving picture [N, T, C, H, W], the N side by side, as a GIF; written by Pillow."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("SummaryWriter.add_video needs Pillow: pip install pillow") from error
    array = as_array(value)
    count, frames, channels, height, width = array.shape
    pixels = array.float() if array.dtype is torch.uint8 else array.float() * 255
    rows = 2 ** ((count.bit_length() - 1) // 2)
    whole = 1 << (count - 1).bit_length()  # the grid is full: blank pictures up to a power of two
    blank = torch.zeros(whole - count, frames, channels, height, width)
    grid = torch.cat((pixels, blank)).view(rows, whole // rows, frames, channels, height, width)
    grid = grid.permute(2, 0, 4, 1, 5, 3).reshape(frames, rows * height, -1, channels)
    grid = grid.clamp(0, 255).to(torch.uint8).expand(-1, -1, -1, 3).contiguous()
    size = (grid.shape[2], grid.shape[1])
    pictures = [Image.frombytes("RGB", size, bytes(f.reshape(-1).tolist())) for f in grid]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0
    )
    return _value(
        tag, message(4, varint(1, size[1]), varint(2, size[0]), varint(3, 3), message(4, buffer.getvalue()))
    )


def custom_scalars(layout: dict) -> bytes:
    """Which numbers to show together: category -> title -> ["Multiline" or "Margin", tags]."""
    categories = b""
    for category, charts in layout.items():
        content = text(1, category)
        for title, (kind, tags) in charts.items():
            if kind == "Margin":
                if len(tags) != 3:
                    raise AssertionError("len(tags) != 3")
                series = message(1, text(1, tags[0]), text(2, tags[1]), text(3, tags[2]))
                chart = message(3, series)
            else:
                chart = message(2, *(text(1, tag) for tag in tags))
            content += message(2, text(1, title), chart)
        categories += message(2, content)
    tensor = message(8, varint(1, 7), message(2), message(8, categories))
    return _value("custom_scalars__config__", tensor, _plugin("custom_scalars"))


def embedding(folder: str, mat, metadata, label_img, step, tag: str, metadata_header) -> str:
    """Writes what the projector reads below `folder`; returns its entry in the projector's configuration."""
    mat = as_array(mat)
    place = f"{str(step).zfill(5)}/{_safe(tag)}"
    path = os.path.join(folder, place)
    if os.path.isdir(path):
        print("warning: Embedding dir exists, did you set global_step for add_embedding()?")
    elif os.path.exists(path):
        raise NotADirectoryError(f"Path: `{path}` exists, but is a file. Cannot proceed.")
    os.makedirs(path, exist_ok=True)
    lines = [
        f'  tensor_name: "{tag}:{str(step).zfill(5)}"',
        f'  tensor_path: "{place}/tensors.tsv"',
    ]
    if metadata is not None:
        if len(metadata) != mat.shape[0]:
            raise AssertionError("#labels should equal with #data points")
        rows = [str(x) for x in metadata]
        if metadata_header:
            if len(metadata_header) != len(metadata[0]):
                raise AssertionError("len of header must be equal to the number of columns in metadata")
            rows = ["\t".join(map(str, row)) for row in [metadata_header, *metadata]]
        _write(path, "metadata.tsv", ("\n".join(rows) + "\n").encode())
        lines.append(f'  metadata_path: "{place}/metadata.tsv"')
    if label_img is not None:
        images = as_array(label_img)
        if images.shape[0] != mat.shape[0]:
            raise AssertionError("#images should equal with #data points")
        _write(path, "sprite.png", png(_sprite(images)))
        lines += [
            "  sprite {",
            f'    image_path: "{place}/sprite.png"',
            f"    single_image_dim: {images.shape[3]}",
            f"    single_image_dim: {images.shape[2]}",
            "  }",
        ]
    if mat.dim() != 2:
        raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
    rows = ("\t".join(map(str, row)) + "\n" for row in mat.tolist())
    _write(path, "tensors.tsv", "".join(rows).encode())
    return "embeddings {\n" + "\n".join(lines) + "\n}\n"


def _safe(tag: str) -> str:
    """The tag as part of a path, written as PyTorch writes it."""
    for c in "%/\\":
        tag = tag.replace(c, f"%{ord(c):02x}")
    return tag


def _sprite(images):
    """All images in a square: as many rows as columns, of three colours."""
    count, channels, height, width = images.shape
    side = math.ceil(count**0.5)
    pixels = images.float() * (1 if images.dtype is torch.uint8 else 255)
    pixels = torch.cat((pixels, torch.zeros(side * side - count, channels, height, width)))
    grid = pixels.view(side, side, channels, height, width).permute(0, 3, 1, 4, 2)
    grid = grid.reshape(side * height, side * width, channels).expand(-1, -1, 3)
    return grid.clamp(0, 255).to(torch.uint8)


def _write(folder: str, name: str, data: bytes) -> None:
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
