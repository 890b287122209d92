"""torch.cuda.random: seeds and states of devices, of which there are none."""

from . import get_rng_state, get_rng_state_all, initial_seed, manual_seed, manual_seed_all, seed, seed_all

from . import set_rng_state, set_rng_state_all  # isort: skip

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
]
