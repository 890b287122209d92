"""Names of the torch namespace that are looked up last: legacy tensor types, and what is missing."""


def find(name):
    import facula

    if name.endswith("Tensor"):
        from ._legacy import LEGACY, legacy_type

        if name in LEGACY:
            value = legacy_type(name)
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
