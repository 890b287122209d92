"""Compares the outputs of a notebook's cells with those stored in it: facula run --check."""

from __future__ import annotations

import os

from .notebook import joined

__all__ = ["recorded", "report"]


def recorded(outputs: list[dict]) -> list[tuple[str, str]]:
    """A cell's stored outputs as the recorder would have kept them: a list of (kind, text)."""
    found = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            name = output.get("name", output.get("stream", "stdout"))
            text = joined(output["text"])
            if found and found[-1][0] == name:
                found[-1] = (name, found[-1][1] + text)
            else:
                found.append((name, text))
        elif kind in ("error", "pyerr"):
            found.append(("error", f"{output['ename']}: {output['evalue']}"))
        elif kind in ("execute_result", "display_data", "pyout"):
            # Format 3 kept the text beside the other fields.
            data = output.get("data", {})
            text = data.get("text/plain", output.get("text"))
            if text is not None:
                found.append(("result", joined(text)))
    return found


def report(path: str, results: list[tuple], total: int) -> int:
    """Print the differences and a summary line; return the exit status.

    Args:
        path: the notebook.
        results: for each cell that ran: its number, the stored outputs, the outputs.
        total: how many code cells the notebook has.
    """
    different = 0
    for number, wanted, got in results:
        left, right = _lines(wanted), _lines(got)
        if left == right:
            continue
        different += 1
        from difflib import unified_diff

        label = f"In [{number}]"
        print("\n".join(unified_diff(left, right, f"{label} stored", f"{label} facula", lineterm="")))
        print()
    name = os.path.basename(path)
    cells = "1 code cell" if total == 1 else f"{total} code cells"
    if len(results) < total:
        print(f"{name}: stopped at an error, {total - len(results)} of {cells} not run; {different} differ")
        return 1
    if different:
        verb = "differs" if different == 1 else "differ"
        print(f"{name}: {different} of {cells} {verb} from the stored outputs")
        return 1
    print(f"{name}: {cells}, all outputs equal to the stored ones")
    return 0


def _lines(outputs: list[tuple[str, str]]) -> list[str]:
    """The outputs as lines to compare; whatever is not plain standard output says what it is."""
    lines = []
    for kind, text in _streams_joined(outputs):
        text = _normalised(text.rstrip("\r\n"))
        if kind != "stdout":
            lines.append(f"[{kind}]")
        lines += text.splitlines()
    return lines


def _streams_joined(outputs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Between two other outputs, one text of each stream: kernels send the two streams in no fixed order."""
    joined_outputs = []
    waiting = {"stdout": "", "stderr": ""}
    for kind, text in [*outputs, ("end", "")]:
        if kind in waiting:
            waiting[kind] += text
            continue
        joined_outputs += [(name, content) for name, content in waiting.items() if content]
        waiting = dict.fromkeys(waiting, "")
        joined_outputs.append((kind, text))
    return joined_outputs[:-1]


def _normalised(text: str) -> str:
    """Text without what no two runs share: addresses, times taken, and where a kernel kept its cells."""
    marks = ("0x", ".py", "Cell In[", " time", " per loop ")
    if any(mark in text for mark in marks):
        import re

        text = re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", text)
        text = re.sub(r"(?:\S*/ipykernel_\d+/\d+\.py|Cell In\[\d+\])(?=:\d)", "<cell>", text)
        text = re.sub(r"\((?:\d+\.py|Cell In\[\d+\]), line", "(<cell>, line", text)
        text = re.sub(r"^(CPU times|Wall time): .*$", r"\1: ...", text, flags=re.MULTILINE)
        text = re.sub(r"^\S+ \S+ ± \S+ \S+ per loop .*$", "... per loop", text, flags=re.MULTILINE)
    return text
