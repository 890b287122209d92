"""torch.fft: one- and many-dimensional transforms from the engine's three (_fft_c2c, _fft_r2c, _fft_c2r).

Every function takes floating, complex and integer tensors (integers count as the default float), sizes that
cut or pad with zeros, negative dimensions and the norms "forward", "backward" (the default) and "ortho".
"""

from __future__ import annotations

from .. import _C
from . import as_int, composite, wrapped_dim

_T = _C._functions


def _c_name(dtype):
    names = {"int8": "Char", "uint8": "Byte", "int16": "Short", "int32": "Int", "int64": "Long"}
    names |= {"float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool"}
    names |= {"bfloat16": "BFloat16", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
    return names.get(str(dtype)[6:], str(dtype)[6:])


def _norm(text, forward):
    """The engine's number for a norm: 0 no factor, 1 by the root of the number of points, 2 by the number."""
    if text is None or text == "backward":
        return 0 if forward else 2
    if text == "forward":
        return 2 if forward else 0
    if text == "ortho":
        return 1
    raise RuntimeError(f'Invalid normalization mode: "{text}"')


def _floating(x, complex_=False):
    dtype = x.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = _C.get_default_dtype()
    if dtype not in (_C.float32, _C.float64, _C.complex64, _C.complex128):
        raise RuntimeError(f"Unsupported dtype {_c_name(dtype)}")
    if complex_ and not dtype.is_complex:
        dtype = _C.complex128 if dtype == _C.float64 else _C.complex64
    return x if x.dtype == dtype else x.to(dtype)


def _wrap(dim, ndim):
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrapped_dim(dim, ndim)


def _resized(x, dims, sizes):
    """x cut or padded with zeros at the end of these dimensions."""
    for d, size in zip(dims, sizes):
        have = x.size(d)
        if have > size:
            x = x.narrow(d, 0, size)
        elif have < size:
            more = [*x.shape[:d], size - have, *x.shape[d + 1 :]]
            x = _T.cat([x, _T.zeros(more, dtype=x.dtype, device=x.device)], d)
    return x


def _points(n):
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def _int(function, name, value):
    from operator import index

    if isinstance(value, bool):
        value = int(value)
    try:
        return index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"fft_{function}(): argument '{name}' must be int, not {kind}") from None


def _check_tensor(function, x):
    if not isinstance(x, _C.Tensor):
        kind = type(x).__name__
        raise TypeError(f"fft_{function}(): argument 'input' (position 1) must be Tensor, not {kind}")


def _finish(function, result, out, real, like_result=False):
    if out is None:
        return result
    if real:
        if not out.dtype.is_floating_point:
            raise RuntimeError(
                f"{function} expects a floating point output tensor, but got {_c_name(out.dtype)}"
            )
    elif not out.dtype.is_complex:
        raise RuntimeError(f"{function} expects a complex output tensor, but got {_c_name(out.dtype)}")
    return _C._copy_to_out(out, result, function, like_result)


# --- one dimension ---


def _line(function, x, n, dim):
    """Checks what every one-dimensional transform takes: the tensor, the size or None, the dimension."""
    _check_tensor(function, x)
    n = None if n is None else _int(function, "n", n)
    return n, _int(function, "dim", dim)


def _to_complex(function, x, n, dim, norm, out, forward):
    n, dim = _line(function, x, n, dim)
    x = _floating(x)
    dim = _wrap(dim, x.dim())
    if n is not None:
        x = _resized(x, [dim], [_points(n)])
    _points(x.size(dim))
    norm = _norm(norm, forward)
    if x.is_complex():
        return _finish(function, _T._fft_c2c(x, [dim], norm, forward), out, False)
    y = _T._fft_r2c(x, [dim], norm, False)
    return _finish(function, y if forward else y.conj(), out, False, not forward)


def _to_half(function, x, n, dim, norm, out, forward):
    n, dim = _line(function, x, n, dim)
    if x.is_complex():
        raise RuntimeError(f"{function} expects a real input tensor, but got {_c_name(x.dtype)}")
    x = _floating(x)
    dim = _wrap(dim, x.dim())
    if n is not None:
        x = _resized(x, [dim], [_points(n)])
    _points(x.size(dim))
    y = _T._fft_r2c(x, [dim], _norm(norm, forward), True)
    return _finish(function, y if forward else y.conj(), out, False, not forward)


def _to_real(function, x, n, dim, norm, out, forward):
    n, dim = _line(function, x, n, dim)
    x = _floating(x, complex_=True)
    dim = _wrap(dim, x.dim())
    given = n is not None
    n = _points(n if given else 2 * (x.size(dim) - 1))
    x = _resized(x, [dim], [n // 2 + 1])
    norm = _norm(norm, forward)
    return _finish(function, _T._fft_c2r(x.conj() if forward else x, [dim], norm, n), out, True)


@composite("fft")
def fft(input, n=None, dim=-1, norm=None, *, out=None):
    """Transform of `input` along `dim`, of `n` points (default: its size). Complex, of the input's shape."""
    return _to_complex("fft", input, n, dim, norm, out, True)


@composite("fft")
def ifft(input, n=None, dim=-1, norm=None, *, out=None):
    """The inverse of fft: `ifft(fft(x)) == x` up to rounding. Divides by `n` unless `norm` says otherwise."""
    return _to_complex("ifft", input, n, dim, norm, out, False)


@composite("fft")
def rfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Transform of a real tensor: its `n // 2 + 1` non-negative frequencies, from which the others follow."""
    return _to_half("rfft", input, n, dim, norm, out, True)


@composite("fft")
def irfft(input, n=None, dim=-1, norm=None, *, out=None):
    """The inverse of rfft: `n` real points (default: 2 (size - 1)). Give `n` where it was odd."""
    return _to_real("irfft", input, n, dim, norm, out, False)


@composite("fft")
def hfft(input, n=None, dim=-1, norm=None, *, out=None):
    """Transform of a signal with Hermitian symmetry, of which half is given: `n` real frequencies."""
    return _to_real("hfft", input, n, dim, norm, out, True)


@composite("fft")
def ihfft(input, n=None, dim=-1, norm=None, *, out=None):
    """The inverse of hfft: the first `n // 2 + 1` points of a Hermitian signal, from real frequencies."""
    return _to_half("ihfft", input, n, dim, norm, out, False)


# --- several dimensions ---


def _shape_and_dims(function, x, s, dim, half=False):
    """Dimensions (non-negative) and sizes of a transform of several dimensions, checked.

    half: the input holds half of the last dimension, whose real size is meant.
    """
    _check_tensor(function, x)
    if isinstance(s, int):
        s = [s]
    if isinstance(dim, int):
        dim = [dim]
    sizes = None if s is None else [_int(function, "s", n) for n in s]
    ndim = x.dim()
    if dim is not None:
        dims = [_wrap(_int(function, "dim", d), ndim) for d in dim]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
        if sizes is not None and len(sizes) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif sizes is not None:
        if len(sizes) > ndim:
            raise RuntimeError(
                f"Got shape with {len(sizes)} values but input tensor only has {ndim} dimensions."
            )
        dims = list(range(ndim - len(sizes), ndim))
    else:
        dims = list(range(ndim))
    if sizes is None:
        sizes = [-1] * len(dims)
    full = [x.size(d) if n == -1 else n for d, n in zip(dims, sizes)]
    if half and full and sizes[-1] == -1:
        full[-1] = 2 * (full[-1] - 1)
    for n in full:
        _points(n)
    return dims, full


def _need_a_dim(function, dims):
    if not dims:
        raise RuntimeError(f"{function} must transform at least one axis")


def _many_to_complex(function, x, s, dim, norm, out, forward):
    dims, sizes = _shape_and_dims(function, x, s, dim)
    x = _resized(_floating(x, complex_=True), dims, sizes)
    return _finish(function, _T._fft_c2c(x, dims, _norm(norm, forward), forward), out, False)


def _many_to_half(function, x, s, dim, norm, out):
    _check_tensor(function, x)
    if x.is_complex():
        raise RuntimeError(f"{function} expects a real-valued input tensor, but got {_c_name(x.dtype)}")
    dims, sizes = _shape_and_dims(function, x, s, dim)
    _need_a_dim(function, dims)
    x = _resized(_floating(x), dims, sizes)
    return _finish(function, _T._fft_r2c(x, dims, _norm(norm, True), True), out, False)


def _many_to_real(function, x, s, dim, norm, out):
    dims, sizes = _shape_and_dims(function, x, s, dim, half=True)
    _need_a_dim(function, dims)
    x = _floating(x, complex_=True)
    x = _resized(x, dims, [*sizes[:-1], sizes[-1] // 2 + 1])
    return _finish(function, _T._fft_c2r(x, dims, _norm(norm, False), sizes[-1]), out, True)


def _many_from_hermitian(function, x, s, dim, norm, out):
    dims, sizes = _shape_and_dims(function, x, s, dim, half=True)
    _need_a_dim(function, dims)
    x = _floating(x, complex_=True)
    x = _resized(x, dims, [*sizes[:-1], sizes[-1] // 2 + 1])
    norm = _norm(norm, True)
    if len(dims) > 1:
        x = _T._fft_c2c(x, dims[:-1], norm, True)
    return _finish(function, _T._fft_c2r(x.conj(), dims[-1:], norm, sizes[-1]), out, True)


def _many_to_hermitian(function, x, s, dim, norm, out):
    dims, sizes = _shape_and_dims(function, x, s, dim)
    _need_a_dim(function, dims)
    if x.is_complex():
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {_c_name(x.dtype)}")
    x = _resized(_floating(x), dims, sizes)
    norm = _norm(norm, False)
    y = _T._fft_r2c(x, dims[-1:], norm, True).conj()
    if len(dims) > 1:
        y = _T._fft_c2c(y, dims[:-1], norm, False)
    return _finish(function, y, out, False)


@composite("fft")
def fftn(input, s=None, dim=None, norm=None, *, out=None):
    """Transform along all dimensions, those in `dim`, or the last `len(s)`, with sizes `s` (-1: as it is)."""
    return _many_to_complex("fftn", input, s, dim, norm, out, True)


@composite("fft")
def ifftn(input, s=None, dim=None, norm=None, *, out=None):
    """The inverse of fftn."""
    return _many_to_complex("ifftn", input, s, dim, norm, out, False)


@composite("fft")
def rfftn(input, s=None, dim=None, norm=None, *, out=None):
    """fftn of a real tensor: the non-negative frequencies of the last dimension only."""
    return _many_to_half("rfftn", input, s, dim, norm, out)


@composite("fft")
def irfftn(input, s=None, dim=None, norm=None, *, out=None):
    """The inverse of rfftn; `s` holds the real sizes."""
    return _many_to_real("irfftn", input, s, dim, norm, out)


@composite("fft")
def hfftn(input, s=None, dim=None, norm=None, *, out=None):
    """hfft along the last dimension after fft along the others."""
    return _many_from_hermitian("hfftn", input, s, dim, norm, out)


@composite("fft")
def ihfftn(input, s=None, dim=None, norm=None, *, out=None):
    """The inverse of hfftn."""
    return _many_to_hermitian("ihfftn", input, s, dim, norm, out)


@composite("fft")
def fft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """fftn along two dimensions, the last two by default."""
    return _many_to_complex("fftn", input, s, dim, norm, out, True)


@composite("fft")
def ifft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of fft2."""
    return _many_to_complex("ifftn", input, s, dim, norm, out, False)


@composite("fft")
def rfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """rfftn along two dimensions, the last two by default."""
    return _many_to_half("rfftn", input, s, dim, norm, out)


@composite("fft")
def irfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of rfft2."""
    return _many_to_real("irfftn", input, s, dim, norm, out)


@composite("fft")
def hfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """hfftn along two dimensions, the last two by default."""
    return _many_from_hermitian("hfftn", input, s, dim, norm, out)


@composite("fft")
def ihfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of hfft2."""
    return _many_to_hermitian("ihfftn", input, s, dim, norm, out)


# --- frequencies ---


def _frequencies(function, order, n, d, out, options):
    if isinstance(d, complex) or isinstance(d, _C.Tensor) and (d.dim() or d.requires_grad or d.is_complex()):
        kind = type(d).__name__
        raise TypeError(f"fft_{function}(): argument 'd' (position 2) must be float, not {kind}")
    d = float(d) if isinstance(d, _C.Tensor) else d
    named = {float: _C.float64, int: _C.int64, bool: _C.bool, complex: _C.complex128}
    dtype = named.get(options["dtype"], options["dtype"]) or (
        out.dtype if out is not None else _C.get_default_dtype()
    )
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{function} requires a floating point or complex dtype")
    if dtype.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{_c_name(dtype)}'")
    requires_grad = options.pop("requires_grad")
    options = options | {"dtype": dtype}
    if options.pop("pin_memory"):
        _T.empty(0, pin_memory=True)  # says what it needs
    result = order(options).mul_(1.0 / (n * d) if n * d else float("inf"))
    if out is not None:
        return _C._copy_to_out(out, result, function)
    return result.requires_grad_() if requires_grad else result


def _count(function, n):
    n = n if isinstance(n, int) else _int(function, "n' (position 1)", n)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    return n


@composite("fft")
def fftfreq(
    n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """The frequencies of fft's result for `n` points, `d` apart: 0, 1, ... then -n // 2, ..., -1."""
    n = _count("fftfreq", n)

    def order(options):
        positive = (n + 1) // 2
        result = _T.arange(n, **options)
        result[positive:] -= n
        return result

    options = {"dtype": dtype, "device": device, "requires_grad": requires_grad, "pin_memory": pin_memory}
    return _frequencies("fftfreq", order, n, d, out, options)


@composite("fft")
def rfftfreq(
    n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """The frequencies of rfft's result for `n` points a distance `d` apart: 0, 1, ..., n // 2."""
    n = n if isinstance(n, int) else _count("rfftfreq", n)
    options = {"dtype": dtype, "device": device, "requires_grad": requires_grad, "pin_memory": pin_memory}
    return _frequencies("rfftfreq", lambda o: _T.arange(max(n // 2 + 1, 0), **o), n, d, out, options)


def _rolled(x, dim, shift):
    dim = as_int(dim)
    if dim is None:
        dims = list(range(x.dim()))
    else:
        dims = [_wrap(d, x.dim()) for d in ([dim] if isinstance(dim, int) else dim)]
    return x.roll([shift(x.size(d)) for d in dims], dims)


@composite("fft")
def fftshift(input, dim=None):
    """Reorders a result of fftn so that the frequency zero stands in the middle; along `dim`, or all."""
    return _rolled(input, dim, lambda n: n // 2)


@composite("fft")
def ifftshift(input, dim=None):
    """Undoes fftshift."""
    return _rolled(input, dim, lambda n: (n + 1) // 2)
