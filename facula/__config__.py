"""torch.__config__: how facula was built."""

from __future__ import annotations

__all__ = ["parallel_info", "show"]


def show() -> str:
    """What the libraries and the processor are, for people to read."""
    import platform

    import facula

    lines = [
        f"facula {facula._C.__version__}, which answers for PyTorch {facula.version.__version__}",
        f"Python {platform.python_version()} on {platform.machine()}",
        f"CPU capability usage: {facula.backends.cpu.get_cpu_capability()}",
        "LAPACK is enabled (provided by OpenBLAS)",
        "Build settings: BLAS_INFO=openblas, LAPACK_INFO=openblas, USE_CUDA=0, USE_MKL=OFF, USE_OPENMP=OFF",
    ]
    return "PyTorch built with:\n" + "".join(f"  - {line}\n" for line in lines)


def parallel_info() -> str:
    """How many threads there are."""
    import facula

    return (
        f"ATen/Parallel:\n\tat::get_num_threads() : {facula.get_num_threads()}\n"
        f"\tat::get_num_interop_threads() : {facula.get_num_interop_threads()}\n"
        "ATen parallel backend: facula's thread pool\n"
    )
