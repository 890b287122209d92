"""Summaries: what one call of SummaryWriter adds, as a protobuf Summary."""

from __future__ import annotations

import struct
import zlib

import facula as torch

from ._record import double, float32, message, packed_doubles, text, varint

__all__ = [
    "as_array",
    "audio",
    "histogram",
    "histogram_raw",
    "hparams",
    "image",
    "png",
    "pr_curve",
    "scalar",
    "text_",
]


def as_array(value):
    """A tensor of anything that can be one, detached."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    return torch.as_tensor(value)


def _value(tag: str, *parts: bytes) -> bytes:
    return message(1, text(1, tag), *parts)


def _plugin(name: str, content: bytes = b"", *more: bytes) -> bytes:
    return message(9, message(1, text(1, name), message(2, content)), *more)


def scalar(tag: str, value, new_style: bool = False, double_precision: bool = False) -> bytes:
    """One number."""
    array = as_array(value)
    if array.numel() != 1:
        raise AssertionError("scalar should be 0D")
    number = float(array.item())
    if not new_style:
        return _value(tag, float32(2, number))
    packed = message(6, struct.pack("<d", number)) if double_precision else message(5, float32(0, number)[1:])
    tensor = message(8, varint(1, 2 if double_precision else 1), message(2), packed)
    return _value(tag, tensor, _plugin("scalars"))


def text_(tag: str, value: str) -> bytes:
    """A text, which TensorBoard shows as Markdown."""
    shape = message(2, message(2, varint(1, 1)))
    tensor = message(8, varint(1, 7), shape, message(8, value.encode()))
    return _value(tag + "/text_summary", tensor, _plugin("text"))


def _edges():
    """Bucket limits that grow by a tenth, from 1e-12 to 1e20, on both sides of zero."""
    edges, edge = [], 1e-12
    while edge < 1e20:
        edges.append(edge)
        edge *= 1.1
    return [-e for e in reversed(edges)] + [0.0] + edges


_EDGES: list = []


def histogram(tag: str, values, bins="tensorflow", max_bins=None) -> bytes:
    """How often values fall into buckets: those above, or NumPy's for other names and numbers of bins."""
    values = as_array(values).reshape(-1).double()
    if values.numel() == 0:
        raise ValueError("The input has no element.")
    if bins == "tensorflow":
        if not _EDGES:
            _EDGES.extend(_edges())
        limits = torch.tensor(_EDGES, dtype=torch.float64)
        inside = values[(values >= limits[0]) & (values <= limits[-1])]
        place = torch.bucketize(inside, limits, right=True).clamp(1, len(_EDGES) - 1) - 1
        counts = torch.bincount(place, minlength=len(_EDGES) - 1).tolist()
        limits = _EDGES
    else:
        try:
            import numpy
        except ImportError:
            raise ImportError(f"histogram(bins={bins!r}) needs NumPy: pip install numpy") from None
        counts, limits = numpy.histogram(values.numpy(), bins=bins)
        counts, limits = counts.tolist(), limits.tolist()
        if max_bins is not None and len(counts) > max_bins:
            step = len(counts) // max_bins
            counts = [sum(counts[i : i + step]) for i in range(0, len(counts), step)]
            limits = limits[::step] + ([limits[-1]] if (len(limits) - 1) % step else [])
    full = [i for i, c in enumerate(counts) if c]
    if not full:
        raise ValueError("The histogram is empty, please file a bug report.")
    first, last = full[0], full[-1]
    # The limits are upper ones: an empty bucket in front says where the first begins.
    kept_counts = [0, *counts[first : last + 1]]
    kept_limits = limits[first : last + 2]
    square = (values * values).sum().item()
    range_ = values.min().item(), values.max().item()
    return histogram_raw(tag, *range_, len(values), values.sum().item(), square, kept_limits, kept_counts)


def histogram_raw(tag, least, most, num, total, squares, limits, counts) -> bytes:
    """A histogram that has been counted."""
    numbers = [double(i + 1, float(v)) for i, v in enumerate((least, most, num, total, squares))]
    buckets = packed_doubles(6, [float(v) for v in limits]), packed_doubles(7, [float(c) for c in counts])
    return _value(tag, message(5, *numbers, *buckets))


def png(pixels) -> bytes:
    """An image, uint8 of shape (height, width, 1, 3 or 4), as a PNG file."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = pixels.reshape(height, width * channels)
    lines = torch.cat((torch.zeros(height, 1, dtype=torch.uint8), rows), 1)  # no filter in front of each line
    data = bytes(lines.contiguous().reshape(-1).tolist())

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data, 6))
        + chunk(b"IEND", b"")
    )


def _as_hwc(array, dataformats: str):
    """An image, or a grid of several, with three or four channels last."""
    dataformats = dataformats.upper()
    if len(set(dataformats)) != len(dataformats) or set(dataformats) - set("NCHW"):
        raise AssertionError(f"The dataformats {dataformats} is not supported.")
    if len(dataformats) != array.dim():
        raise AssertionError(
            f"size of input tensor and input format are different. tensor shape: {tuple(array.shape)}, "
            f"input_format: {dataformats}"
        )
    if array.dim() == 2:
        array = array.permute(dataformats.index("H"), dataformats.index("W")).unsqueeze(-1)
    elif array.dim() == 3:
        array = array.permute(*(dataformats.index(c) for c in "HWC"))
    else:
        array = array.permute(*(dataformats.index(c) for c in "NHWC"))
        count = array.shape[0]
        columns = min(8, count)
        rows = -(-count // columns)
        blank = torch.zeros(rows * columns - count, *array.shape[1:], dtype=array.dtype)
        array = torch.cat((array, blank)).reshape(rows, columns, *array.shape[1:])
        array = array.permute(0, 2, 1, 3, 4).reshape(rows * array.shape[2], columns * array.shape[3], -1)
    return array.expand(-1, -1, 3) if array.shape[2] == 1 else array


def image(tag: str, value, dataformats: str = "NCHW") -> bytes:
    """An image; floats are taken to lie between zero and one."""
    array = as_array(value)
    scale = 1 if array.dtype is torch.uint8 else 255
    array = _as_hwc(array.to(torch.float32), dataformats)
    pixels = (array * scale).clamp(0, 255).to(torch.uint8)
    height, width, channels = pixels.shape
    return _value(
        tag, message(4, varint(1, height), varint(2, width), varint(3, channels), message(4, png(pixels)))
    )


def audio(tag: str, value, sample_rate: int = 44100) -> bytes:
    """A sound: numbers between -1 and 1, (samples,) or (1, samples)."""
    import io
    import wave

    array = as_array(value).to(torch.float32).squeeze()
    if array.dim() != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    samples = (array.clamp(-1, 1) * 32767).to(torch.int16).tolist()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    parts = float32(1, sample_rate), varint(2, 1), varint(3, len(samples)), message(4, buffer.getvalue())
    return _value(tag, message(6, *parts, text(5, "audio/wav")))


def pr_curve(tag: str, labels, predictions, num_thresholds: int = 127, weights=None) -> bytes:
    """Precision and recall at thresholds from zero to one."""
    count = min(num_thresholds, 127)
    labels, predictions = as_array(labels).reshape(-1).double(), as_array(predictions).reshape(-1).double()
    weights = torch.ones_like(labels) if weights is None else as_array(weights).reshape(-1).double()
    place = (predictions * (count - 1)).floor().long()

    def above(amounts):
        return torch.zeros(count, dtype=torch.float64).index_add(0, place, amounts).flip(0).cumsum(0).flip(0)

    tp, fp = above(labels * weights), above((1 - labels) * weights)
    tn, fn = fp[0] - fp, tp[0] - tp
    precision, recall = tp / (tp + fp).clamp(min=1e-7), tp / (tp + fn).clamp(min=1e-7)
    data = torch.stack((tp, fp, tn, fn, precision, recall)).reshape(-1).tolist()
    shape = message(2, message(2, varint(1, 6)), message(2, varint(1, count)))
    tensor = message(8, varint(1, 1), shape, message(5, struct.pack(f"<{len(data)}f", *data)))
    return _value(tag, tensor, _plugin("pr_curves", varint(2, count)))


def _json_value(value) -> tuple:
    """(google.protobuf.Value, the plugin's number for its type)."""
    if isinstance(value, torch.Tensor):
        value = value.item()
    if isinstance(value, bool):
        return varint(4, value), 2
    if isinstance(value, (int, float)):
        return double(2, float(value)), 3
    if isinstance(value, str):
        return text(3, value), 1
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")


def hparams(hparam_dict: dict, metric_dict: dict, hparam_domain_discrete=None) -> list:
    """The three summaries of a run's settings and metrics: the experiment, the start and the end of the
    session.
    """
    for name, value in (("hparam_dict", hparam_dict), ("metric_dict", metric_dict)):
        if not isinstance(value, dict):
            raise TypeError(f"parameter: {name} should be a dictionary, nothing logged.")
    domains = hparam_domain_discrete or {}
    infos, settings = b"", b""
    for key, value in hparam_dict.items():
        if value is None:
            continue
        encoded, kind = _json_value(value)
        settings += message(1, text(1, key), message(2, encoded))
        domain = b""
        if key in domains:
            domain = message(5, *(message(1, _json_value(v)[0]) for v in domains[key]))
        infos += message(4, text(1, key), varint(4, kind), domain)
    metrics = b"".join(message(5, message(1, text(2, key))) for key in metric_dict)

    def summary(tag: str, *content: bytes) -> bytes:
        return _value(f"_hparams_/{tag}", _plugin("hparams", b"".join(content)))

    return [
        summary("experiment", message(2, infos, metrics)),
        summary("session_start_info", message(3, settings)),
        summary("session_end_info", message(4, varint(1, 1))),
    ]
