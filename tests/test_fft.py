"""torch.fft, stft and istft against the definition, and their rules: sizes, norms, symmetry, threads."""

from __future__ import annotations

import math
import warnings

import pytest

import facula as torch
from facula import _fft_library

pytest.importorskip("numpy")


def close(a, b, tolerance=1e-10):
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance)


def dft(x, sign=-1):
    """The definition, along the last dimension."""
    n = x.shape[-1]
    angle = sign * 2 * math.pi / n * torch.outer(torch.arange(n), torch.arange(n)).double()
    matrix = torch.complex(angle.cos(), angle.sin())
    return x.to(torch.complex128) @ matrix


def signal(*shape, complex_=True):
    generator = torch.Generator().manual_seed(1)
    dtype = torch.complex128 if complex_ else torch.float64
    return torch.randn(*shape, dtype=dtype, generator=generator)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 15, 16, 17, 60, 97])
def test_definition(n):
    z, x = signal(3, n), signal(3, n, complex_=False)
    assert close(torch.fft.fft(z), dft(z))
    assert close(torch.fft.ifft(z), dft(z, 1) / n)
    assert close(torch.fft.fft(x), dft(x))
    assert close(torch.fft.rfft(x), dft(x)[:, : n // 2 + 1])
    assert close(torch.fft.irfft(torch.fft.rfft(x), n), x)
    assert close(torch.fft.hfft(torch.fft.ihfft(x), n), x)


def test_several_dimensions():
    z = signal(4, 5, 6)
    one_by_one = torch.fft.fft(torch.fft.fft(torch.fft.fft(z, dim=0), dim=1), dim=2)
    assert close(torch.fft.fftn(z), one_by_one)
    assert close(torch.fft.ifftn(torch.fft.fftn(z, dim=(0, 2)), dim=(0, 2)), z)
    x = signal(4, 5, 6, complex_=False)
    assert close(torch.fft.irfft2(torch.fft.rfft2(x), s=(5, 6)), x)
    assert close(torch.fft.hfftn(torch.fft.ihfftn(x), s=(4, 5, 6)), x)


def test_norms():
    z = signal(12)
    plain = torch.fft.fft(z)
    assert close(torch.fft.fft(z, norm="ortho") * math.sqrt(12), plain)
    assert close(torch.fft.fft(z, norm="forward") * 12, plain)
    with pytest.raises(RuntimeError, match='Invalid normalization mode: "no"'):
        torch.fft.fft(z, norm="no")


def test_cut_and_padded():
    z = signal(2, 6)
    assert close(torch.fft.fft(z, 4), torch.fft.fft(z[:, :4]))
    padded = torch.cat([z, torch.zeros(2, 3, dtype=z.dtype)], 1)
    assert close(torch.fft.fft(z, 9), torch.fft.fft(padded))


def test_strides_and_threads():
    z = signal(37, 1021).to(torch.complex64)
    assert close(torch.fft.fft(z.t(), dim=0), torch.fft.fft(z).t(), 1e-4)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(torch.fft.fft2(signal(301, 411)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(r, results[0]) for r in results)


def test_gradients_are_transforms():
    x = signal(2, 7, complex_=False).requires_grad_()
    y = torch.fft.rfft(x)
    (g,) = torch.autograd.grad(y.abs().square().sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert g.shape == h.shape == x.shape
    # By Parseval: the whole spectrum has the square norm n |x|^2; the half counts frequency 0 fully.
    full = torch.fft.fft(x)
    (whole,) = torch.autograd.grad(full.abs().square().sum(), x)
    assert close(whole, 2 * 7 * x.detach())


def test_frequencies():
    assert torch.fft.fftfreq(5, 0.5).tolist() == pytest.approx([0, 0.4, 0.8, -0.8, -0.4])
    assert torch.fft.rfftfreq(4).tolist() == [0, 0.25, 0.5]
    x = torch.arange(7)
    assert torch.fft.fftshift(x).tolist() == [4, 5, 6, 0, 1, 2, 3]
    assert torch.equal(torch.fft.ifftshift(torch.fft.fftshift(x)), x)


def test_errors():
    with pytest.raises(RuntimeError, match=r"Invalid number of data points \(0\) specified"):
        torch.fft.fft(torch.zeros(3, 0))
    with pytest.raises(RuntimeError, match="rfft expects a real input tensor, but got ComplexFloat"):
        torch.fft.rfft(torch.zeros(3, dtype=torch.complex64))
    with pytest.raises(RuntimeError, match="Unsupported dtype Half"):
        torch.fft.fft(torch.zeros(3, dtype=torch.float16))
    with pytest.raises(RuntimeError, match="FFT dims must be unique"):
        torch.fft.fftn(torch.zeros(3, 3), dim=(0, -2))
    with pytest.raises(RuntimeError, match="needs? a library|need a library"):
        _without_libraries()


def _without_libraries():
    import builtins

    real, chosen = builtins.__import__, _fft_library._chosen

    def refuse(name, *rest, **options):
        if name in ("numpy", "ducc0"):
            raise ImportError(name)
        return real(name, *rest, **options)

    builtins.__import__, _fft_library._chosen = refuse, None
    try:
        torch.fft.fft(torch.ones(4))
    finally:
        builtins.__import__, _fft_library._chosen = real, chosen


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("onesided", [True, False])
def test_stft_and_back(center, onesided):
    x = signal(2, 200, complex_=False)
    window = torch.hann_window(16, dtype=torch.float64) + 0.1
    z = torch.stft(x, 16, 4, window=window, center=center, onesided=onesided, return_complex=True)
    assert z.shape == (2, 9 if onesided else 16, 51 if center else 47)
    back = torch.istft(z, 16, 4, window=window, center=center, onesided=onesided, length=200)
    assert close(back, x)


def test_windows():
    assert torch.hann_window(4).tolist() == pytest.approx([0, 0.5, 1, 0.5])
    assert torch.bartlett_window(5, periodic=False).tolist() == [0, 0.5, 1, 0.5, 0]
    assert torch.signal.windows.hann(5).tolist() == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-7)
    assert torch.hamming_window(0).shape == (0,)
    with pytest.raises(ValueError, match="requires non-negative window length"):
        torch.signal.windows.gaussian(-1)


def test_nan_passes_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.fft.fft(torch.tensor([float("nan"), float("inf"), 0.0])).isnan().all()
        assert torch.fft.rfft(torch.tensor([float("-inf"), float("inf"), 0.0])).isnan().any()
