"""torch.utils.model_zoo: the older name of torch.hub's loading of weights."""

from facula import hub
from facula.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]


def __getattr__(name: str):
    if name != "tqdm":
        raise AttributeError(f"module 'torch.utils.model_zoo' has no attribute {name!r}")
    return hub.tqdm
