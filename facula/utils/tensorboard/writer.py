"""SummaryWriter: adds numbers, histograms, texts and pictures to an event file."""

from __future__ import annotations

import os
import time

from . import _extras, _summary
from ._record import RecordWriter, double, message, text, varint

__all__ = ["FileWriter", "SummaryWriter"]


class FileWriter:
    """Writes events to a file of its own in a folder, which is made if need be."""

    def __init__(
        self, log_dir, max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = ""
    ) -> None:
        import socket

        self._folder = str(log_dir)
        os.makedirs(self._folder, exist_ok=True)
        FileWriter._count = getattr(FileWriter, "_count", -1) + 1
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}."
            f"{FileWriter._count}{filename_suffix}"
        )
        self._path = os.path.join(self._folder, name)
        self._records = RecordWriter(self._path)
        self._records.write(double(1, time.time()) + text(3, "brain.Event:2"))

    def get_logdir(self) -> str:
        """The folder."""
        return self._folder

    def add_event(self, event: bytes, step=None, walltime=None) -> None:
        """Adds the fields of an event, with a step and a time (now by default)."""
        if self._records.closed:
            self.reopen()
        head = double(1, time.time() if walltime is None else walltime)
        if step is not None:
            head += varint(2, int(step))
        self._records.write(head + event)

    def add_summary(self, summary: bytes, global_step=None, walltime=None) -> None:
        """Adds a summary."""
        self.add_event(message(5, summary), global_step, walltime)

    def flush(self) -> None:
        """Does nothing more: every event is written when it is added."""
        self._records.flush()

    def close(self) -> None:
        """Closes the file."""
        self._records.close()

    def reopen(self) -> None:
        """Opens the file again."""
        self._records = RecordWriter(self._path)


class SummaryWriter:
    """Adds what TensorBoard shows to an event file in a folder.

    Args:
        log_dir: the folder; by default `runs/` and the time and the machine, with `comment` behind.
        purge_step: events of this step and later ones, of a run that broke off, are not shown any more.
        filename_suffix: ends the name of the file.
        max_queue, flush_secs: accepted; every event is written at once.

    Example:
        >>> import tempfile
        >>> from facula.utils.tensorboard import SummaryWriter
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     for step in range(3):
        ...         writer.add_scalar("loss", 1 / (step + 1), step)
    """

    def __init__(
        self,
        log_dir=None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            import socket

            now = time.strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = log_dir
        self.purge_step = purge_step
        self.filename_suffix = filename_suffix
        self.file_writer = self.all_writers = None
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = FileWriter(self.log_dir, filename_suffix=self.filename_suffix)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                self.file_writer.add_event(message(7, varint(1, 1)), self.purge_step)
                self.purge_step = None
        return self.file_writer

    def _add(self, summary: bytes, step, walltime) -> None:
        self._get_file_writer().add_summary(summary, step, walltime)

    def get_logdir(self):
        """The folder."""
        return self.log_dir

    def add_scalar(self, tag: str, scalar_value, global_step=None, walltime=None, new_style: bool = False,
                   double_precision: bool = False) -> None:  # fmt: skip
        """Adds a number, or a tensor with one element."""
        self._add(_summary.scalar(tag, scalar_value, new_style, double_precision), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict, global_step=None, walltime=None) -> None:
        """Adds numbers to show in one diagram; each goes to a folder of its own below this one."""
        self._get_file_writer()
        for tag, value in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            if folder not in self.all_writers:
                self.all_writers[folder] = FileWriter(folder, filename_suffix=self.filename_suffix)
            self.all_writers[folder].add_summary(_summary.scalar(main_tag, value), global_step, walltime)

    def add_histogram(
        self, tag: str, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None
    ):
        """Adds how often values fall into buckets: TensorFlow's, or NumPy's for its names and numbers."""
        self._add(_summary.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_histogram_raw(self, tag: str, min, max, num, sum, sum_squares, bucket_limits, bucket_counts,  # noqa: A002
                          global_step=None, walltime=None) -> None:  # fmt: skip
        """Adds a histogram that has been counted."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        summary = _summary.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        self._add(summary, global_step, walltime)

    def add_image(
        self, tag: str, img_tensor, global_step=None, walltime=None, dataformats: str = "CHW"
    ) -> None:
        """Adds an image: uint8, or floats between zero and one."""
        self._add(_summary.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(
        self, tag: str, img_tensor, global_step=None, walltime=None, dataformats: str = "NCHW"
    ) -> None:
        """Adds images side by side."""
        self._add(_summary.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_figure(self, tag: str, figure, global_step=None, close: bool = True, walltime=None) -> None:
        """Adds a figure of matplotlib, or several; closes them."""
        import facula as torch

        figures = figure if isinstance(figure, list) else [figure]
        pictures = []
        for each in figures:
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            canvas = FigureCanvasAgg(each)
            canvas.draw()
            width, height = canvas.get_width_height()
            pixels = torch.frombuffer(bytearray(canvas.buffer_rgba()), dtype=torch.uint8)
            pictures.append(pixels.view(height, width, 4)[:, :, :3])
            if close:
                from matplotlib import pyplot

                pyplot.close(each)
        if isinstance(figure, list):
            self.add_images(tag, torch.stack(pictures), global_step, walltime, dataformats="NHWC")
        else:
            self.add_image(tag, pictures[0], global_step, walltime, dataformats="HWC")

    def add_audio(
        self, tag: str, snd_tensor, global_step=None, sample_rate: int = 44100, walltime=None
    ) -> None:
        """Adds a sound: numbers between -1 and 1."""
        self._add(_summary.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step=None, walltime=None) -> None:
        """Adds a text, shown as Markdown."""
        self._add(_summary.text_(tag, text_string), global_step, walltime)

    def add_pr_curve(
        self, tag: str, labels, predictions, global_step=None, num_thresholds=127, weights=None, walltime=None
    ) -> None:
        """Adds precision and recall of binary labels and predictions between zero and one."""
        self._add(_summary.pr_curve(tag, labels, predictions, num_thresholds, weights), global_step, walltime)

    def add_graph(
        self, model, input_to_model=None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Accepted: there is no graph of a model before it runs. `facula.summary` lists its layers."""

    def add_hparams(self, hparam_dict: dict, metric_dict: dict, hparam_domain_discrete=None, run_name=None,
                    global_step=None) -> None:  # fmt: skip
        """Adds the settings of a run and what came of them, in a folder of its own below this one."""
        summaries = _summary.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        folder = os.path.join(self._get_file_writer().get_logdir(), run_name or str(time.time()))
        with SummaryWriter(log_dir=folder) as writer:
            for summary in summaries:
                writer.file_writer.add_summary(summary, global_step)
            for tag, value in metric_dict.items():
                writer.add_scalar(tag, value, global_step)

    def add_video(self, tag: str, vid_tensor, global_step=None, fps=4, walltime=None) -> None:
        """Adds moving pictures [N, T, C, H, W]: uint8, or floats between zero and one. Needs Pillow."""
        self._add(_extras.video(tag, vid_tensor, fps), global_step, walltime)

    def add_embedding(
        self, mat, metadata=None, label_img=None, global_step=None, tag="default", metadata_header=None
    ) -> None:
        """Adds points [N, D] for the projector, with a label and an image [N, C, H, W] for each if given."""
        folder = self._get_file_writer().get_logdir()
        entry = _extras.embedding(folder, mat, metadata, label_img, global_step, tag, metadata_header)
        self._projector = getattr(self, "_projector", "") + entry
        with open(os.path.join(folder, "projector_config.pbtxt"), "w") as file:
            file.write(self._projector)

    def add_custom_scalars(self, layout: dict) -> None:
        """Says which numbers to show together: {category: {title: ["Multiline" or "Margin", [tags]]}}."""
        self._add(_extras.custom_scalars(layout), None, None)

    def add_custom_scalars_multilinechart(self, tags, category="default", title="untitled") -> None:
        """Shows numbers in one diagram."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(self, tags, category="default", title="untitled") -> None:
        """Shows a number between two others: three tags."""
        if len(tags) != 3:
            raise AssertionError("len(tags) != 3")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def _missing(self, *args, **kwargs):
        raise NotImplementedError(
            "SummaryWriter of facula adds scalars, histograms, images, figures, videos, sounds, texts, "
            "embeddings, layouts, curves of precision and recall, and hyperparameters"
        )

    add_mesh = add_image_with_boxes = add_tensor = add_onnx_graph = add_pr_curve_raw = _missing

    def flush(self) -> None:
        """Does nothing more: every event is written when it is added."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Closes the files."""
        for writer in (self.all_writers or {}).values():
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error) -> None:
        self.close()
