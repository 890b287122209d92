"""The distribution `torch` as importlib.metadata sees it once facula answers to that name."""

from importlib.metadata import Distribution

from .version import __version__


class TorchDistribution(Distribution):
    """Metadata enough for version checks; it owns no files."""

    def read_text(self, filename):
        if filename != "METADATA":
            return None
        return (
            "Metadata-Version: 2.1\n"
            "Name: torch\n"
            f"Version: {__version__}\n"
            "Summary: facula, answering to the name torch\n"
        )

    def locate_file(self, path):
        from pathlib import Path

        return Path(__file__).parent.parent / path
