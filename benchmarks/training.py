"""Steps of training, small networks and larger ones, and two kernels that decide many of them.

A step is zero_grad, forward, backward and the optimizer unless the row says otherwise. Both libraries run
with the threads they choose by themselves. Peak memory is that of a process that does nothing else: the
whole, and by how much it is above the process after the import and after the row's setup
(`peak_memory.py`). The bar is met when none of the three is above PyTorch's.
"""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

from peak_memory import Peak, peak
from side_by_side import Row, run, table

STEP = """
def step():
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
"""
SMALL = """
torch.manual_seed(0)
nn = torch.nn
model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = {optimizer}
x, y = torch.randn(32, 4), {target}
criterion = {criterion}
"""
ADAM = "torch.optim.Adam(model.parameters(), lr=1e-3)"
MOMENTUM = "torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)"
REGRESSION = {"target": "torch.randn(32, 2)", "criterion": "nn.MSELoss()"}
CLASSES = {"target": "torch.randint(0, 2, (32,))", "criterion": "nn.CrossEntropyLoss()"}
SMALL_ADAM = SMALL.format(optimizer=ADAM, **REGRESSION) + STEP
SMALL_SGD = SMALL.format(optimizer=MOMENTUM, **REGRESSION) + STEP
SMALL_CLASSES = SMALL.format(optimizer=ADAM, **CLASSES) + STEP

MLP = """
torch.manual_seed(0)
nn = torch.nn
model = nn.Sequential(
    nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
criterion = nn.CrossEntropyLoss()
"""
CNN = """
torch.manual_seed(0)
nn = torch.nn
model = nn.Sequential(
    nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64 * 8 * 8, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
x, y = torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))
criterion = nn.CrossEntropyLoss()
"""
GPT = """
torch.manual_seed(0)
nn, F = torch.nn, torch.nn.functional
VOCABULARY, WIDTH, HEADS, LENGTH = 256, 192, 6, 128
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
    def forward(self, x):
        batch, length, width = x.shape
        heads = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, width // HEADS)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.narrow(F.gelu(self.wide(self.norm2(x))))
class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
    def forward(self, tokens):
        x = self.token(tokens) + self.place(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x)))
model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
x, y = torch.randint(0, VOCABULARY, (8, LENGTH)), torch.randint(0, VOCABULARY, (8, LENGTH))
def criterion(logits, y):
    return F.cross_entropy(logits.view(-1, VOCABULARY), y.view(-1))
"""
RECURRENT = """
torch.manual_seed(0)
model = torch.nn.{layer}
x = torch.randn({shape})
def step():
    model.zero_grad()
    output, state = model(x)
    output.sum().backward()
"""
CONV = """
torch.manual_seed(0)
model = torch.nn.Conv2d(64, 64, 3, padding=1)
x = torch.randn(8, 64, 56, 56, requires_grad=True)
def forward():
    with torch.no_grad():
        return model(x)
def step():
    x.grad = None
    model.zero_grad()
    model(x).sum().backward()
"""
ATTENTION = """
torch.manual_seed(0)
attention = torch.nn.functional.scaled_dot_product_attention
q, k, v = (torch.randn(4, 8, 512, 64, requires_grad=True) for _ in range(3))
def forward():
    with torch.no_grad():
        return attention(q, k, v, is_causal=True)
def step():
    q.grad = k.grad = v.grad = None
    attention(q, k, v, is_causal=True).sum().backward()
"""

ROWS = [
    Row("MLP 4-64-64-2, batch 32, MSE, Adam", "step()", SMALL_ADAM, 12),
    Row("the same with cross entropy", "step()", SMALL_CLASSES),
    Row("the same with SGD and momentum", "step()", SMALL_SGD),
    Row("its forward pass alone", "model(x)", SMALL_ADAM),
    Row("MLP 784-512-512-10, batch 128, SGD", "step()", MLP + STEP, 1.1),
    Row("CNN: conv 32, conv 64, batch norm, pool; 64x3x32x32, Adam", "step()", CNN + STEP, 1.0),
    Row("GPT: 4 layers, width 192, 8x128 tokens, AdamW", "step()", GPT + STEP, 1.2),
    Row(
        "LSTM 64 to 128, 50x16, forward and backward",
        "step()",
        RECURRENT.format(layer="LSTM(64, 128)", shape="50, 16, 64"),
        1.5,
    ),
    Row(
        "GRU 8 to 16, 20x1, forward and backward",
        "step()",
        RECURRENT.format(layer="GRU(8, 16)", shape="20, 1, 8"),
        5,
    ),
    Row("conv2d 64 to 64, 3x3, 8x64x56x56, forward", "forward()", CONV, 0.9),
    Row("the same convolution, forward and backward", "step()", CONV, 0.9),
    Row("causal attention 4x8x512x64, forward", "forward()", ATTENTION, 1.0),
    Row("the same attention, forward and backward", "step()", ATTENTION, 1.0),
]


def comparison(peaks: dict[str, Peak]) -> list[str]:
    """The cells of a row of the table of memory, the last whether the bar is met."""
    cells, met = [], True
    for figure in ("whole", "growth", "steps"):
        values = [getattr(peaks[m], figure) for m in ("torch", "facula") if m in peaks]
        cells.append(" / ".join(f"{v:.{0 if v >= 10 else 1}f} MB" for v in values))
        met = met and values[-1] <= values[0]
    return [*cells, "-" if len(peaks) < 2 else "✓" if met else "✗ above PyTorch's"]


def threads(modules: dict[str, ModuleType]) -> str:
    counts = {name: module.get_num_threads() for name, module in modules.items()}
    return "Threads: " + ", ".join(f"{name} {count}" for name, count in counts.items()) + "."


def memory(modules: dict[str, ModuleType], rows: list[Row]) -> str:
    lines = []
    for row in rows:
        if row.bar is None or row.failed:
            continue
        try:
            peaks = {m: peak(m, row.setup, row.statement) for m in modules}
        except subprocess.CalledProcessError as error:
            row.failed = (error.stderr.splitlines() or [str(error)])[-1]
            continue
        cells = [row.what, *comparison(peaks)]
        print("  ".join(f"{c:{w}}" for c, w in zip(cells, (64, 18, 18, 18, 0))), flush=True)
        lines.append(cells)
    names = " / ".join(("PyTorch", "facula") if len(modules) > 1 else ("facula",))
    head = [
        f"peak memory, {names}",
        "whole process",
        "above the import",
        "above the setup",
        "not above PyTorch's",
    ]
    return f"{threads(modules)}\n\n{table(head, lines)}"


if __name__ == "__main__":
    sys.exit(run("training", "Training", __doc__, ROWS, rounds=9, seconds=0.3, pause=0.02, after=memory))
