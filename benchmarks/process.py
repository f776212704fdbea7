"""What a process takes of memory."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak() -> float:
    """The most memory that this process had so far, in MiB."""
    found = of_process("self", "VmHWM")  # Linux's getrusage counts what the parent had when it started this process
    if found is not None:
        return found
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def of_process(process: int | str, field: str) -> float | None:
    """Memory of a process in MiB, by a field of Linux's status file (VmRSS, VmHWM); None where that cannot be read."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(f"{field}:")), None)
