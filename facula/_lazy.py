"""Names of the torch namespace that are looked up last: legacy tensor types, and what is missing."""

_LEGACY = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "BFloat16Tensor": "bfloat16",
    "LongTensor": "int64",
    "IntTensor": "int32",
    "ShortTensor": "int16",
    "CharTensor": "int8",
    "ByteTensor": "uint8",
    "BoolTensor": "bool",
}


def find(name):
    import facula

    if name in _LEGACY:
        value = _legacy_type(name, _LEGACY[name])
        setattr(facula, name, value)
        return value
    from ._composite import find as find_composite

    if name.endswith("Storage"):
        from .storage import legacy_class

        value = legacy_class(name)
        if value is not None:
            return value
    function = None if name.startswith("__") else find_composite("torch", name)
    if function is None and name.startswith("_foreach_"):
        from ._foreach import find as find_over_lists

        function = find_over_lists(name)
    if function is not None:
        setattr(facula, name, function)
        return function
    from ._names import missing

    raise missing("torch", name, facula)


def _legacy_type(name, dtype_name):
    from . import _C
    from ._tensor import legacy_constructor

    dtype = getattr(_C, dtype_name)

    class LegacyMeta(type):
        def __instancecheck__(cls, value):
            return isinstance(value, _C.Tensor) and value.dtype == cls.dtype

        def __repr__(cls):
            return f"<class 'torch.{name}'>"

    def new(cls, *args, **kwargs):
        return legacy_constructor(*args, dtype=dtype, **kwargs)

    return LegacyMeta(name, (), {"__new__": new, "dtype": dtype, "__module__": "torch"})
