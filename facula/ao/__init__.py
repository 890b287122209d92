"""torch.ao: quantization is not here; models that may be quantized can be built and trained as they are."""

__all__ = ["quantization"]


def __getattr__(name: str):
    from importlib import import_module

    if name == "quantization":
        return import_module(f"{__name__}.{name}")
    from .._names import missing

    raise missing("torch.ao", name, list(globals()))
