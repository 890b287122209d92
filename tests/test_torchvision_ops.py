"""What torchvision compiles for PyTorch, written in operations."""

from __future__ import annotations

import pytest

import facula as torch
from facula._torchvision import nms, register


def slow_nms(boxes, scores, threshold):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = []
    for i in order:
        for j in kept:
            width = max(0, min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0]))
            height = max(0, min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1]))
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j])]
            if width * height / (sum(areas) - width * height) > threshold:
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_nms(threshold):
    torch.manual_seed(0)
    corner = torch.rand(60, 2, dtype=torch.float64) * 20
    boxes = torch.cat([corner, corner + 1 + torch.rand(60, 2, dtype=torch.float64) * 10], 1)
    scores = (torch.rand(60) * 10).round()  # ties keep their order
    kept = nms(boxes, scores, threshold)
    assert kept.tolist() == slow_nms(boxes.tolist(), scores.tolist(), threshold)
    assert nms(torch.zeros(0, 4), torch.zeros(0), threshold).shape == (0,)
    with pytest.raises(RuntimeError, match="boxes should be"):
        nms(boxes[:, :3], scores, threshold)
    with pytest.raises(RuntimeError, match="same number"):
        nms(boxes, scores[:5], threshold)


def test_the_operators_are_found_once_they_are_asked_for():
    register()
    register()
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]])
    assert torch.ops.torchvision.nms(boxes, torch.tensor([0.1, 0.9]), 0.5).tolist() == [1]
    assert torch.ops.torchvision._cuda_version() == -1
    with pytest.raises(NotImplementedError, match="torchvision::roi_pool"):
        torch.ops.torchvision.roi_pool(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 1.0, 2, 2)
    with pytest.raises(OSError, match="cannot load"):
        torch.ops.load_library("/usr/lib/torchaudio/_C.so")
