"""Short-time Fourier transform and its inverse: frames, window, transform; transform, window, overlap-add."""

from __future__ import annotations

from warnings import warn

from .. import _C
from . import composite
from .fft import _c_name

_T = _C._functions


def _mirrored(n, left, right, mode):
    """Which of n samples stand at -left .. n + right - 1 when the signal goes on as `mode` says."""
    at = _T.arange(-left, n + right)
    if mode == "replicate":
        return at.clamp(0, n - 1)
    if mode == "circular":
        return at % n
    at = at.abs()
    return n - 1 - (n - 1 - at).abs()


def _padded(x, left, right, mode):
    """x with samples before and after, along the last dimension."""
    n = x.shape[-1]
    if mode == "constant":
        parts = [_T.zeros(*x.shape[:-1], k, dtype=x.dtype, device=x.device) for k in (left, right)]
        return _T.cat([parts[0], x, parts[1]], -1)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if n == 0:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
            f"for input, but got: {[1] * (3 - x.dim()) + list(x.shape)}"
        )
    if mode == "reflect" and max(left, right) >= n:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({left}, {right}) at dimension 2 of input {[1] * (3 - x.dim()) + list(x.shape)}"
        )
    if mode == "circular" and max(left, right) > n:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    return x.index_select(-1, _mirrored(n, left, right, mode).to(x.device))


def _described(function, kind, x, window, **rest):
    shown = "None" if window is None else f"torch.{_c_name(window.dtype)}Tensor{{{list(window.shape)}}}"
    front = {k: rest.pop(k) for k in ("n_fft", "hop_length", "win_length")} | {"window": shown}
    parts = [f"{k}={int(v) if isinstance(v, bool) else v}" for k, v in (front | rest).items()]
    return f"{function}({kind}{list(x.shape)}, {', '.join(parts)})"


def _full_window(window, n_fft, win_length, dtype, device):
    """The window in the middle of n_fft points."""
    if window is None:
        window = _T.ones(win_length, dtype=dtype, device=device)
    if win_length < n_fft:
        left = (n_fft - win_length) // 2
        window = _padded(window, left, n_fft - win_length - left, "constant")
    return window


def _real(dtype):
    return {_C.complex64: _C.float32, _C.complex128: _C.float64}.get(dtype, dtype)


@composite("torch", "Tensor")
def stft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    pad_mode="reflect",
    normalized=False,
    onesided=None,
    return_complex=None,
    align_to_window=None,
):
    """Transforms of overlapping frames of a signal.

    Args:
        input: real or complex, (time,) or (batch, time).
        n_fft: points of each transform.
        hop_length: distance between frames; n_fft // 4 by default.
        win_length: size of the window, which stands in the middle of the frame; n_fft by default.
        window: (win_length,); ones by default.
        center: frame t is centred at t * hop_length; the signal is continued at both ends as pad_mode says
            ("reflect", "constant", "replicate", "circular").
        normalized: divide by the root of n_fft.
        onesided: only the n_fft // 2 + 1 non-negative frequencies; the default for real signals.
        return_complex: needed for real signals; False returns real and imaginary parts in a last dimension.

    Returns (batch, frequencies, frames).
    """
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if window is None:
        warn(
            "A window was not provided. A rectangular window will be applied,which is known to cause "
            "spectral leakage. Other windows such as torch.hann_window or torch.hamming_window are "
            "recommended to reduce spectral leakage.To suppress this warning and use a rectangular "
            "window, explicitly set `window=torch.ones(n_fft, device=<device>)`.",
            stacklevel=2,
        )
    if center:
        if align_to_window is not None:
            raise RuntimeError("stft align_to_window should only be set when center = false")
        shape = input.shape
        if input.dim() in (1, 2):
            input = _padded(input, n_fft // 2, n_fft // 2, pad_mode)
        elif input.dim() != 3 or shape[0] != 1:
            raise NotImplementedError(
                "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
            )

    def fail(why):
        kind = f"torch.{_c_name(input.dtype)}Tensor"
        described = _described(
            "stft", kind, input, window, n_fft=n_fft, hop_length=hop_length, win_length=win_length,
            normalized=normalized, onesided=onesided, return_complex=return_complex,
            align_to_window=align_to_window,
        )  # fmt: skip
        raise RuntimeError(f"{described} : {why}")

    if return_complex is None:
        if not (input.is_complex() or (window is not None and window.is_complex())):
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further "
                "require that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    if not (input.is_floating_point() or input.is_complex()):
        fail("expected a tensor of floating point or complex values")
    if input.dim() not in (1, 2):
        fail("expected a 1D or 2D tensor")
    single = input.dim() == 1
    x = input.unsqueeze(0) if single else input
    length = x.shape[1]
    if not 0 < n_fft <= length:
        fail(f"expected 0 < n_fft < {length}, but got n_fft={n_fft}")
    if hop_length <= 0:
        fail(f"expected hop_length > 0, but got hop_length={hop_length}")
    if not 0 < win_length <= n_fft:
        fail(f"expected 0 < win_length <= n_fft, but got win_length={win_length}")
    if window is not None and (window.dim() != 1 or window.shape[0] != win_length):
        fail(
            f"expected a 1D window tensor of size equal to win_length={win_length}, but got window with size "
            f"{list(window.shape)}"
        )
    if align_to_window and win_length < n_fft:
        left = (n_fft - win_length) // 2
        x = _padded(x, left, left, "constant")
        length = x.shape[1]
    frames = 1 + (length - n_fft) // hop_length
    x = x.as_strided((x.shape[0], frames, n_fft), (x.stride(0), hop_length * x.stride(1), x.stride(1)))
    if window is not None or win_length < n_fft:
        x = x * _full_window(window, n_fft, win_length, _real(x.dtype), x.device)
    is_complex = x.is_complex()
    if onesided is None:
        onesided = not is_complex
    if onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm = 1 if normalized else 0
    if is_complex:
        y = _T._fft_c2c(x, [2], norm, True)
    else:
        y = _T._fft_r2c(x, [2], norm, onesided)
    y = y.transpose(1, 2)
    if single:
        y = y.squeeze(0)
    if return_complex:
        return _C._name_history(y, "SqueezeBackward4" if single else "TransposeBackward1")
    warn(
        "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex "
        "tensors for all inputs, and return_complex=False will raise an error.\n"
        "Note: you can still call torch.view_as_real on the complex output to recover the old return format.",
        stacklevel=2,
    )
    return _T.view_as_real(y)


@composite("torch", "Tensor")
def istft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    normalized=False,
    onesided=None,
    length=None,
    return_complex=False,
):
    """The signal of which `input` is the short-time transform: the inverse of stft, by least squares.

    Args:
        input: complex, (frequencies, frames) or (batch, frequencies, frames).
        n_fft, hop_length, win_length, window, center, normalized, onesided: as they were given to stft.
        length: of the signal; by default as long as the frames tell.
        return_complex: the signal is complex; then all n_fft frequencies are needed.

    Returns (time,) or (batch, time). Source: Griffin and Lim, Signal estimation from modified short-time
    Fourier transform, 1984.
    """
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length

    def describe():
        name = _c_name(input.dtype)
        return _described(
            "istft", f"CPU{name}Type", input, window, n_fft=n_fft, hop_length=hop_length,
            win_length=win_length, center=center, normalized=normalized, onesided=onesided, length=length,
            return_complex=return_complex,
        )  # fmt: skip

    def fail(why):
        raise RuntimeError(f"{describe()} : {why}")

    if window is None:
        warn(
            "A window was not provided. A rectangular window will be applied.Please provide the same window "
            "used by stft to make the inversion lossless.To suppress this warning and use a rectangular "
            "window, explicitly set `window=torch.ones(n_fft, device=<device>)`.",
            stacklevel=2,
        )
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if input.numel() == 0:
        fail("input tensor cannot be empty.")
    if input.dim() not in (2, 3):
        fail(f"expected a tensor with 3 or 4 dimensions, but got {input.dim() + 1}")
    frequencies, frames = input.shape[-2:]
    given = onesided
    if onesided is None:
        onesided = frequencies != n_fft
    if onesided and frequencies != n_fft // 2 + 1:
        onesided = given
        fail(
            "expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 + 1 "
            f"when onesided=True, but got {frequencies}"
        )
    if not onesided and frequencies != n_fft:
        onesided = given
        fail(
            "expected the frequency dimension (3rd to the last) of the input tensor to match n_fft when "
            f"onesided=False, but got {frequencies}"
        )
    is_onesided, onesided = onesided, given
    if not 0 < hop_length <= win_length:
        fail("expected 0 < hop_length <= win_length")
    if not 0 < win_length <= n_fft:
        fail("expected 0 < win_length <= n_fft")
    if window is not None and (window.dim() != 1 or window.shape[0] != win_length):
        fail("Invalid window shape. window has to be 1D and length of `win_length`")
    window_ = _full_window(window, n_fft, win_length, _real(input.dtype), input.device)
    x = input.unsqueeze(0) if input.dim() == 2 else input
    x = x.transpose(1, 2)
    norm = 1 if normalized else 2
    if return_complex:
        if is_onesided:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        y = _T._fft_c2c(x, [2], norm, False)
    else:
        if window_.is_complex():
            raise RuntimeError("Complex windows are incompatible with return_complex=False")
        y = _T._fft_c2r(x if is_onesided else x[..., : n_fft // 2 + 1], [2], norm, n_fft)
    full = n_fft + hop_length * (frames - 1)
    at = _T.arange(frames, device=x.device).unsqueeze(1) * hop_length + _T.arange(n_fft, device=x.device)
    at = at.reshape(-1)

    def overlapped(parts):
        whole = _T.zeros(parts.shape[0], full, dtype=parts.dtype, device=parts.device)
        return whole.index_add(1, at, parts.reshape(parts.shape[0], -1))

    start = n_fft // 2 if center else 0
    end = start + length if length is not None else full - n_fft // 2 if center else full
    signal = overlapped(y * window_)[:, start:end]
    envelope = overlapped((window_ * window_).expand(1, frames, n_fft))[:, start:end]
    known = envelope.numel() and not envelope.is_meta and not _C._is_batched(envelope)
    if known and float(envelope.abs().min()) <= 1e-11:
        raise RuntimeError(f"{describe()} window overlap add min: 1")
    signal = signal / envelope
    if input.dim() == 2:
        signal = signal.squeeze(0)
    if end > full:
        warn(
            "The length of signal is shorter than the length parameter. Result is being padded with zeros in "
            "the tail. Please check your center and hop_length settings.",
            stacklevel=2,
        )
        signal = _padded(signal, 0, end - full, "constant")
    return signal
