"""One result element from the input elements at the same place."""

from . import Case

one = "torch.manual_seed(0); x = torch.rand(n) * 4 - 2"
positive = "torch.manual_seed(0); x = torch.rand(n) + 0.1"
two = one + "; y = torch.rand(n)"
side = "m = int(n**0.5); torch.manual_seed(0); x = torch.rand(m, m); y = torch.rand(m, m)"

CASES = [
    Case("x + y", "x + y", two, bar=2.5),
    Case("exp", "torch.exp(x)", one, bar=2.5),
    Case("tanh", "torch.tanh(x)", one, bar=2.5),
    Case("x * x * 3 + x * 2 - 1", "x * x * 3 + x * 2 - 1", one, bar=2.5),
    Case("x.add_(y)", "x.add_(y)", two),
    Case("x > 0", "x > 0", one),
    Case("sigmoid", "torch.sigmoid(x)", one),
    Case("log", "torch.log(x)", positive),
    Case("sin", "torch.sin(x)", one),
    Case("sqrt", "torch.sqrt(x)", positive),
    Case("pow(x, 2.5)", "torch.pow(x, 2.5)", positive),
    Case("atan2", "torch.atan2(x, y)", two),
    Case("clamp", "torch.clamp(x, -1, 1)", one),
    Case("where", "torch.where(c, x, y)", two + "; c = x > 0"),
    Case("relu", "torch.relu(x)", one),
    Case("gelu", "F.gelu(x)", one),
    Case("silu", "F.silu(x)", one),
    Case("lerp", "torch.lerp(x, y, 0.3)", two),
    Case("x + row", "x + y[0]", side),
    Case("x.t() + y", "x.t() + y", side),
    Case("int64 x + y", "x + y", "x = torch.arange(n); y = x + 1"),
    Case("bfloat16 x * y", "x * y", two + "; x = x.bfloat16(); y = y.bfloat16()"),
    Case("complex64 x * y", "x * y", two + "; x, y = torch.complex(x, y), torch.complex(y, x)"),
    Case("float32 to float64", "x.to(torch.float64)", one),
    Case("float32 to bfloat16", "x.to(torch.bfloat16)", one),
]
