"""A matplotlib backend for notebooks run in a terminal: a figure is an output of its cell, shown as its text.

Selected through MPLBACKEND, which matplotlib reads when it is first imported.
"""

from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.backends.backend_agg import FigureManagerBase as FigureManager

__all__ = ["FigureCanvas", "FigureManager", "show"]


def show(*args, **kwargs):
    """Put out every open figure and close it (plt.show, and the end of a cell)."""
    from matplotlib import pyplot

    for number in pyplot.get_fignums():
        display(pyplot.figure(number))  # noqa: F821  the shell's, while a notebook runs  # pyright: ignore
    pyplot.close("all")
