"""Learn to read handwritten digits with a network of three layers.

python -m facula examples/digits_mlp.py
"""

import argparse

import torch
import torch.nn.functional as F
from checkpoint import Checkpoint
from digits import digits, test
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network(hidden=128):
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, hidden),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def train(model, loader, optimizer):
    """One pass over the data; returns the mean loss."""
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file to save to after each epoch, and to go on from")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    images, labels, *held_back = digits()
    loader = DataLoader(TensorDataset(images, labels), batch_size=options.batch_size, shuffle=True)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
    checkpoint = Checkpoint(options.checkpoint, model=model, optimizer=optimizer, schedule=schedule)

    for epoch in range(checkpoint.resume() + 1, options.epochs + 1):
        loss = train(model, loader, optimizer)
        schedule.step()
        test_loss, accuracy = test(model, *held_back)
        print(f"epoch {epoch:2d}  loss {loss:.6f}  test loss {test_loss:.6f}  accuracy {accuracy:.4f}")
        checkpoint.save(epoch)


if __name__ == "__main__":
    main()
