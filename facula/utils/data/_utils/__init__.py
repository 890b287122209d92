"""What the loader is made of: collate joins samples, fetch reads them, worker and transport run in
processes.
"""

from . import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
