"""An importable facula made of the source tree's Python files and an extension built elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "facula"


def stage(folder: Path, extension: Path | None = None) -> Path:
    """Fills folder/facula with links; extensions that are built there stay. Returns folder, for sys.path."""
    package = folder / "facula"
    package.mkdir(parents=True, exist_ok=True)
    for old in package.iterdir():
        if old.is_symlink():
            old.unlink()
        elif old.suffix != ".so":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for entry in SOURCE.iterdir():
        if entry.suffix not in (".so", ".pyi") and entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    if extension:
        (package / extension.name).symlink_to(extension.resolve())
    return folder
