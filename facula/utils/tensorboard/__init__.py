"""torch.utils.tensorboard: event files that TensorBoard shows; written without TensorBoard or TensorFlow."""

from ._record import RecordWriter
from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
