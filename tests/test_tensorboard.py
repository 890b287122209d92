"""Event files: the records' checksums, the messages' fields, and pictures that decode to their pixels."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

import facula as torch
from facula.utils.tensorboard import SummaryWriter
from facula.utils.tensorboard._record import crc32c


def slow_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fields(data: bytes) -> dict:
    """A message as a dictionary from fields to lists of values."""
    found: dict = {}
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            value = number()
        elif kind == 1:
            value = struct.unpack_from("<d", data, at)[0]
            at += 8
        elif kind == 5:
            value = struct.unpack_from("<f", data, at)[0]
            at += 4
        else:
            length = number()
            value = data[at : at + length]
            at += length
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder) -> list:
    (path,) = folder.glob("events.out.tfevents.*")
    data = path.read_bytes()
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        parts = data[at : at + 8], data[at + 12 : at + 12 + length]
        sums = struct.unpack_from("<I", data, at + 8)[0], struct.unpack_from("<I", data, at + 12 + length)[0]
        for part, total in zip(parts, sums):
            crc = slow_crc(part)
            assert total == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        found.append(fields(parts[1]))
        at += 16 + length
    assert found[0][3] == [b"brain.Event:2"]
    return found[1:]


def only_value(event) -> dict:
    (value,) = fields(event[5][0])[1]
    return fields(value)


def test_checksum():
    assert crc32c(b"123456789") == 0xE3069283


def test_scalars(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", torch.tensor(0.5, requires_grad=True), 3, walltime=12.0)
        writer.add_scalar("far", 2, -1)
        writer.add_scalar("new", 1.5, 4, new_style=True)
        writer.add_scalar("huge", 1e300, 5)
        assert writer.get_logdir() == tmp_path
    first, far, new, huge = events(tmp_path)
    assert first[1] == [12.0] and first[2] == [3]
    assert only_value(first) == {1: [b"loss"], 2: [0.5]}
    assert far[2] == [2**64 - 1]
    assert fields(only_value(new)[8][0])[5] == [struct.pack("<f", 1.5)]
    assert only_value(huge)[2] == [float("inf")]
    with pytest.raises(AssertionError, match="0D"):
        SummaryWriter(tmp_path / "other").add_scalar("x", torch.ones(2))


def test_every_event_is_on_disk_at_once(tmp_path):
    writer = SummaryWriter(tmp_path)
    for step in range(3):
        writer.add_scalar("x", step, step)
        assert len(events(tmp_path)) == step + 1
    writer.close()
    writer.close()


def test_scalars_together(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("both", {"a": 1, "b": 2}, 7)
        writer.add_scalars("both", {"a": 3}, 8)
    assert [only_value(e)[2] for e in events(tmp_path / "both_a")] == [[1.0], [3.0]]
    assert only_value(events(tmp_path / "both_b")[0])[1] == [b"both"]


@pytest.mark.parametrize("bins", ["tensorflow", 10])
def test_histograms(tmp_path, bins):
    if bins != "tensorflow":
        pytest.importorskip("numpy")
    values = torch.tensor([-1.0, 0.0, 0.5, 0.5, 2.0])
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("h", values, 1, bins=bins)
    histogram = fields(only_value(events(tmp_path)[0])[5][0])
    assert [histogram[i][0] for i in range(1, 6)] == [-1.0, 2.0, 5.0, 2.0, 5.5]
    limits, counts = (struct.unpack(f"<{len(histogram[k][0]) // 8}d", histogram[k][0]) for k in (6, 7))
    assert len(limits) == len(counts) and sum(counts) == 5 and list(limits) == sorted(limits)
    assert sum(c for edge, c in zip(limits, counts) if edge < 0.4) == 2
    with pytest.raises(ValueError, match="no element"):
        SummaryWriter(tmp_path / "other").add_histogram("x", torch.ones(0))


def pixels(png: bytes) -> list:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(name + body)
        if name == b"IHDR":
            width, height, depth, kind = struct.unpack_from(">IIBB", body)
        if name == b"IDAT":
            data += body
        at += 12 + length
    assert depth == 8
    channels = {0: 1, 2: 3, 6: 4}[kind]
    raw = zlib.decompress(data)
    step = width * channels + 1
    assert all(raw[i * step] == 0 for i in range(height))
    return [list(raw[i * step + 1 : (i + 1) * step]) for i in range(height)]


def test_images(tmp_path):
    image = torch.arange(24, dtype=torch.uint8).view(3, 2, 4)
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("chw", image)
        writer.add_image("hwc", image.permute(1, 2, 0), dataformats="HWC")
        writer.add_image("hw", torch.tensor([[0.0, 1.0, 2.0]]), dataformats="HW")
        writer.add_images("grid", torch.ones(9, 1, 2, 3))
    chw, hwc, hw, grid = (fields(only_value(e)[4][0]) for e in events(tmp_path))
    assert (chw[1], chw[2], chw[3]) == ([2], [4], [3])
    expected = image.permute(1, 2, 0).reshape(2, 12).tolist()
    assert pixels(chw[4][0]) == pixels(hwc[4][0]) == expected
    assert pixels(hw[4][0]) == [[0, 0, 0, 255, 255, 255, 255, 255, 255]]
    assert (grid[1], grid[2]) == ([4], [24])
    assert pixels(grid[4][0])[3] == [255] * 9 + [0] * 63
    with pytest.raises(AssertionError, match="size of input tensor"):
        SummaryWriter(tmp_path / "other").add_image("x", torch.ones(2, 2))


def test_texts_and_settings(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("note", "**bold** ü", 2)
        writer.add_graph(torch.nn.Linear(1, 1), torch.ones(1, 1))
        writer.add_hparams({"lr": 0.1, "name": "x", "on": True}, {"loss": 0.5}, run_name="run")
        with pytest.raises(TypeError, match="should be a dictionary"):
            writer.add_hparams([], {})
        with pytest.raises(NotImplementedError):
            writer.add_mesh("v", torch.ones(1))
    (note,) = events(tmp_path)
    value = only_value(note)
    assert value[1] == [b"note/text_summary"]
    assert fields(value[8][0])[8] == ["**bold** ü".encode()]
    assert fields(fields(value[9][0])[1][0])[1] == [b"text"]
    tags = [only_value(e)[1][0].decode() for e in events(tmp_path / "run")]
    assert tags == [f"_hparams_/{n}" for n in ("experiment", "session_start_info", "session_end_info")] + [
        "loss"
    ]


def test_purge_and_sound(tmp_path):
    with SummaryWriter(tmp_path, purge_step=5) as writer:
        writer.add_audio("s", torch.tensor([0.0, 1.0, -1.0]), sample_rate=8000)
        writer.add_pr_curve("p", torch.tensor([0, 1]), torch.tensor([0.2, 0.8]), num_thresholds=3)
    purge, sound, curve = events(tmp_path)
    assert purge[2] == [5] and fields(purge[7][0]) == {1: [1]}
    assert fields(only_value(sound)[6][0])[4][0][:4] == b"RIFF"
    numbers = struct.unpack("<18f", fields(only_value(curve)[8][0])[5][0])
    assert numbers[:3] == (1.0, 1.0, 0.0)


def test_videos(tmp_path):
    image = pytest.importorskip("PIL.Image")
    frames = torch.rand(3, 5, 1, 4, 6)
    with SummaryWriter(tmp_path) as writer:
        writer.add_video("v", frames, 1, fps=10)
    (event,) = events(tmp_path)
    shown = fields(only_value(event)[4][0])
    assert (shown[1], shown[2], shown[3]) == ([4], [24], [3])  # a row of four, the last blank
    with image.open(io.BytesIO(shown[4][0])) as picture:
        assert picture.n_frames == 5 and picture.size == (24, 4) and picture.info["duration"] == 100


def test_embeddings_and_layouts(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        points = torch.arange(6.0).view(3, 2)
        writer.add_embedding(points, ["a", "b", "c"], torch.rand(3, 1, 2, 2), 7, tag="x/y")
        writer.add_embedding(points, [["a", 1], ["b", 2], ["c", 3]], metadata_header=["name", "n"])
        writer.add_custom_scalars(
            {"all": {"both": ["Multiline", ["p", "q"]], "m": ["Margin", ["a", "b", "c"]]}}
        )
        with pytest.raises(AssertionError, match="#labels should equal"):
            writer.add_embedding(points, ["a"], global_step=8)
        with pytest.raises(AssertionError, match="should be 2D"):
            writer.add_embedding(torch.ones(3), global_step=9)
        with pytest.raises(AssertionError, match="3"):
            writer.add_custom_scalars_marginchart(["a"])
    folder = tmp_path / "00007" / "x%2fy"
    assert (folder / "tensors.tsv").read_text() == "0.0\t1.0\n2.0\t3.0\n4.0\t5.0\n"
    assert (folder / "metadata.tsv").read_text() == "a\nb\nc\n"
    assert (folder / "sprite.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "0None" / "default" / "metadata.tsv").read_text().startswith("name\tn\na\t1\n")
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert config.count("embeddings {") == 2 and 'tensor_path: "00007/x%2fy/tensors.tsv"' in config
    (event,) = events(tmp_path)
    value = only_value(event)
    assert value[1] == [b"custom_scalars__config__"]
    category = fields(fields(fields(value[8][0])[8][0])[2][0])
    assert category[1] == [b"all"]
    first, second = (fields(chart) for chart in category[2])
    assert first[1] == [b"both"] and fields(first[2][0])[1] == [b"p", b"q"]
    assert fields(fields(second[3][0])[1][0]) == {1: [b"a"], 2: [b"b"], 3: [b"c"]}
