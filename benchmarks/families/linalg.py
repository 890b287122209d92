"""Matrix products and decompositions; Fourier transforms. `n`: the side of a matrix, the length."""

from . import Case

pair = "torch.manual_seed(0); a, b = torch.rand(n, n), torch.rand(n, n)"
double = "torch.manual_seed(0); a, b = torch.rand(n, n).double(), torch.rand(n, n).double()"
spd = pair + "; s = a @ a.t() + n * torch.eye(n)"
signal = "torch.manual_seed(0); x = torch.rand(n)"

lapack = "OpenBLAS against MKL, which is faster on processors of Intel's"
numpy_fft = "NumPy's transform against MKL's; with ducc0 installed about 1x (decision 5)"

CASES = [
    Case("matmul float32", "a @ b", pair, (32, 512, 2048), bar=1.0),
    Case("matmul float64", "a @ b", double, (32, 512, 2048), bar=1.0),
    Case("mv", "a @ v", pair + "; v = torch.rand(n)", (32, 512, 4096)),
    Case("bmm", "torch.bmm(x, x)", "x = torch.rand(n, 64, 64)", (2, 32, 1024)),
    Case("einsum", "torch.einsum('bij,bkj->bik', x, x)", "x = torch.rand(n, 64, 64)", (2, 32, 1024)),
    Case("addmm", "torch.addmm(a, a, b)", pair, (32, 256, 1024)),
    Case("linalg.solve", "torch.linalg.solve(s, b)", spd, (16, 128, 768), why=lapack),
    Case("linalg.inv", "torch.linalg.inv(s)", spd, (16, 128, 768), why=lapack),
    Case("linalg.det", "torch.linalg.det(s)", spd, (16, 128, 768)),
    Case("linalg.cholesky", "torch.linalg.cholesky(s)", spd, (16, 128, 1024)),
    Case("linalg.qr", "torch.linalg.qr(a)", pair, (16, 128, 512)),
    Case("linalg.svd", "torch.linalg.svd(a)", pair, (16, 128, 384)),
    Case("linalg.eigh", "torch.linalg.eigh(s)", spd, (16, 128, 512)),
    Case("linalg.lstsq", "torch.linalg.lstsq(a, b)", pair, (16, 128, 512), why=lapack),
    Case(
        "batched solve, 8x8",
        "torch.linalg.solve(a, b)",
        "torch.manual_seed(0); a = torch.rand(n, 8, 8) + 8 * torch.eye(8); b = torch.rand(n, 8, 1)",
        (4, 256, 8192),
    ),
    Case("cdist", "torch.cdist(a, b)", "a, b = torch.rand(n, 16), torch.rand(n, 16)", (16, 256, 2048)),
    Case("fft.fft", "torch.fft.fft(x)", signal, (1_024, 131_072, 4_194_304), why=numpy_fft),
    Case("fft.rfft", "torch.fft.rfft(x)", signal, (1_024, 131_072, 4_194_304), why=numpy_fft),
    Case(
        "fft.fft, length 1000 rows",
        "torch.fft.fft(x)",
        "x = torch.rand(n, 1000)",
        (1, 100, 4_000),
        why=numpy_fft,
    ),
    Case("fft.fft2", "torch.fft.fft2(x)", "x = torch.rand(n, n)", (32, 256, 2_048), why=numpy_fft),
]
