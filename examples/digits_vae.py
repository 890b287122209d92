"""Learn to draw handwritten digits with a variational autoencoder.

python -m facula examples/digits_vae.py

The method: D. Kingma and M. Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114
"""

import argparse

import torch
import torch.nn.functional as F
from checkpoint import Checkpoint
from digits import digits, drawn
from torch import nn
from torch.utils.data import DataLoader


class VAE(nn.Module):
    """An image becomes a normal distribution over `latent` numbers; a draw from it becomes an image again."""

    def __init__(self, hidden=128, latent=8):
        super().__init__()
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(64, hidden), nn.GELU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.GELU(), nn.Linear(hidden, 64))

    def decode(self, code):
        """Scores of the pixels (n, 1, 8, 8): before the sigmoid."""
        return self.decoder(code).reshape(-1, 1, 8, 8)

    def forward(self, images):
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decode(code), mean, log_variance


def losses(model, images):
    """What the images lose by coding, and what the code costs, each as the mean over the images."""
    scores, mean, log_variance = model(images)
    lost = F.binary_cross_entropy_with_logits(scores, images, reduction="sum")
    cost = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return lost / len(images), cost / len(images)


def train(model, loader, optimizer):
    """One pass over the data; returns the mean of both parts of the loss."""
    model.train()
    sums = torch.zeros(2)
    for images in loader:
        lost, cost = losses(model, images)
        optimizer.zero_grad()
        (lost + cost).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimizer.step()
        sums += torch.stack([lost, cost]).detach() * len(images)
    return (sums / len(loader.dataset)).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file to save to after each epoch, and to go on from")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    images, _, held_back, _ = digits()
    loader = DataLoader(images, batch_size=options.batch_size, shuffle=True)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    checkpoint = Checkpoint(options.checkpoint, model=model, optimizer=optimizer)

    for epoch in range(checkpoint.resume() + 1, options.epochs + 1):
        lost, cost = train(model, loader, optimizer)
        with torch.no_grad():
            test = sum(losses(model.eval(), held_back)).item()
        print(f"epoch {epoch:2d}  loss {lost + cost:.5f} ({lost:.5f} + {cost:.5f})  test loss {test:.5f}")
        checkpoint.save(epoch)

    with torch.no_grad():
        print("\nimages, and what comes back of them:")
        print(drawn(held_back[:6]), drawn(model(held_back[:6])[0].sigmoid()), sep="\n\n")
        print("\nnew ones:")
        print(drawn(model.decode(torch.randn(6, model.latent)).sigmoid()))


if __name__ == "__main__":
    main()
