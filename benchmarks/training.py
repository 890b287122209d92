"""Small networks in training. One step is zero_grad, forward, backward and the optimizer."""

from __future__ import annotations

import sys

from side_by_side import Row, run

MLP = """
torch.manual_seed(0)
nn = torch.nn
model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = {optimizer}
x, y = torch.randn(32, 4), {target}
criterion = {criterion}
def step():
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
"""
adam = "torch.optim.Adam(model.parameters(), lr=1e-3)"
sgd = "torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)"
regression = {"target": "torch.randn(32, 2)", "criterion": "nn.MSELoss()"}
classes = {"target": "torch.randint(0, 2, (32,))", "criterion": "nn.CrossEntropyLoss()"}

ROWS = [
    Row("MLP 4-64-64-2, batch 32, MSE, Adam", "step()", MLP.format(optimizer=adam, **regression), 12),
    Row("the same with cross entropy", "step()", MLP.format(optimizer=adam, **classes)),
    Row("the same with SGD and momentum", "step()", MLP.format(optimizer=sgd, **regression)),
    Row("its forward pass alone", "model(x)", MLP.format(optimizer=adam, **regression)),
]

if __name__ == "__main__":
    sys.exit(run("training", "Training small networks", __doc__, ROWS, rounds=9, seconds=0.1))
