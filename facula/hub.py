"""torch.hub: local directories only; facula never downloads code."""

from __future__ import annotations

import os
import re
import sys
from urllib.parse import urlparse  # noqa: F401  timm looks for it here

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

# Of names such as resnet18-bf5a0c4c.pth, which carry the beginning of their digest.
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_dir: str | None = None
_list = list


def _get_torch_home() -> str:
    """`$TORCH_HOME`, or below `~/.cache`. torchvision asks for it by this name."""
    cache = os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")
    return os.path.expanduser(os.getenv("TORCH_HOME", cache))


def get_dir() -> str:
    """Where PyTorch keeps what it has downloaded: `$TORCH_HOME/hub`, or below `~/.cache/torch`."""
    return _dir if _dir is not None else os.path.join(_get_torch_home(), "hub")


def set_dir(d) -> None:
    """Sets what `get_dir` returns."""
    global _dir
    _dir = os.path.expanduser(d)


def _module(repo_or_dir: str, source: str):
    """The hubconf.py of a directory, as a module."""
    import importlib.util

    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        owner = repo_or_dir.split(":")[0].replace("/", "_")
        branch = repo_or_dir.split(":")[1].replace("/", "_") if ":" in repo_or_dir else None
        places = [f"{owner}_{b}" for b in ([branch] if branch else ["main", "master"])]
        found = [p for p in (os.path.join(get_dir(), name) for name in places) if os.path.isdir(p)]
        if not found:
            raise RuntimeError(
                "It looks like there is no internet connection and the repo could not be found in the cache "
                f"({get_dir()}): facula downloads no code; clone the repository and use source='local'"
            )
        repo_or_dir = found[0]
    path = os.path.join(repo_or_dir, "hubconf.py")
    sys.path.insert(0, repo_or_dir)
    try:
        spec = importlib.util.spec_from_file_location("hubconf.py", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(repo_or_dir)
    return module


def list(github, force_reload=False, skip_validation=False, trust_repo=None, verbose=True, source="github"):  # noqa: A001
    """The names of the models that a directory offers."""
    module = _module(github, source)
    return [n for n in dir(module) if callable(getattr(module, n)) and not n.startswith("_")]


def _entry(module, name: str):
    function = getattr(module, name, None)
    if function is None or not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function


def help(github, model, force_reload=False, skip_validation=False, trust_repo=None, source="github"):  # noqa: A001
    """The documentation of a model."""
    return _entry(_module(github, source), model).__doc__


def load(repo_or_dir, model, *args, source="github", trust_repo=None, force_reload=False, verbose=True,
         skip_validation=False, **kwargs):  # fmt: skip
    """Calls a model of a directory with `source="local"`, or of one that PyTorch has downloaded before.

    Raises:
        RuntimeError: nothing is downloaded.
    """
    return _entry(_module(repo_or_dir, source), model)(*args, **kwargs)


def download_url_to_file(url, dst, hash_prefix=None, progress=True):
    """Raises RuntimeError: facula does not download."""
    raise RuntimeError(f"torch.hub: facula does not download; fetch {url} to {dst} yourself")


def load_state_dict_from_url(
    url,
    model_dir=None,
    map_location=None,
    progress=True,
    check_hash=False,
    file_name=None,
    weights_only=False,
):
    """`torch.load` of a file that has been downloaded to `model_dir` (`get_dir()`/checkpoints) before."""
    import facula

    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, file_name or os.path.basename(url.split("?")[0]))
    if not os.path.exists(path):
        download_url_to_file(url, path)
    return facula.load(path, map_location=map_location, weights_only=weights_only)


class _Silent:
    """Stands in for tqdm where it is not installed: iterates, and shows nothing."""

    def __init__(self, iterable=None, *args, total=None, **options) -> None:
        self.iterable, self.total, self.n = iterable, total, 0

    def __iter__(self):
        return iter(self.iterable)

    def __len__(self) -> int:
        return len(self.iterable) if self.total is None else self.total

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass

    def update(self, n=1) -> None:
        """Counts."""
        self.n += n

    def _nothing(self, *args, **options) -> None:
        pass

    close = refresh = set_description = set_description_str = set_postfix = set_postfix_str = _nothing


def __getattr__(name: str):
    # tqdm is found here and in torch.utils.model_zoo by torchvision and by training programs.
    if name != "tqdm":
        from ._names import missing

        raise missing("torch.hub", name, __all__)
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Silent
    return tqdm
