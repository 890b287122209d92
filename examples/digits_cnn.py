"""Learn to read handwritten digits with convolutions, from images that are turned, scaled and moved.

python -m facula examples/digits_cnn.py
"""

import argparse

import torch
import torch.nn.functional as F
from checkpoint import Checkpoint
from digits import digits, test
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Network(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.features = nn.Sequential(
            self.block(1, channels),
            self.block(channels, channels),
            nn.AvgPool2d(2),
            self.block(channels, 2 * channels),
            nn.AvgPool2d(2),
        )
        self.dropout = nn.Dropout(0.25)
        self.scores = nn.Linear(2 * channels * 2 * 2, 10)

    @staticmethod
    def block(inputs, outputs):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.GELU(),
        )

    def forward(self, images):
        return self.scores(self.dropout(self.features(images).flatten(1)))


def augmented(images):
    """Each image turned by up to 10 degrees, scaled by up to a tenth, and moved by up to a pixel."""
    count = len(images)
    angle = (torch.rand(count) * 2 - 1) * torch.pi / 18
    scale = 1 + (torch.rand(count) * 2 - 1) * 0.1
    shift = (torch.rand(count, 2, 1) * 2 - 1) / 4
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], dim=1).reshape(count, 2, 2)
    grid = F.affine_grid(torch.cat([turn, shift], dim=2), images.shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def train(model, loader, optimizer, schedule):
    """One pass over the data; returns the mean loss."""
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = F.cross_entropy(model(augmented(images)), labels, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file to save to after each epoch, and to go on from")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    images, labels, *held_back = digits()
    loader = DataLoader(TensorDataset(images, labels), batch_size=options.batch_size, shuffle=True)
    model = Network()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=options.lr, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.992)
    checkpoint = Checkpoint(options.checkpoint, model=model, optimizer=optimizer, schedule=schedule)

    for epoch in range(checkpoint.resume() + 1, options.epochs + 1):
        loss = train(model, loader, optimizer, schedule)
        test_loss, accuracy = test(model, *held_back)
        print(f"epoch {epoch:2d}  loss {loss:.6f}  test loss {test_loss:.6f}  accuracy {accuracy:.4f}")
        checkpoint.save(epoch)


if __name__ == "__main__":
    main()
