"""How long `--lineup tiny` takes from an empty cache to a verdict, against a Hub on this machine.

    python -m tests.cold_start [--weights FOLDER] [--image PICTURE]

FOLDER has taesd/, taesdxl/, taesd3/ and taef1/ inside, each with config.json and one safetensors file; without it, they
get random weights of their true shape, and no stored threshold fits, so each is calibrated on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import small_models
from tests.hub import Hub
from tracer.models import registry

ROOT = Path(__file__).parent.parent


def measure(weights: Path | None, image: Path, scratch: Path) -> dict:
    """Run the command line in a process of its own: once from an empty cache, once again."""
    hub = Hub()
    for row in registry.families("tiny"):
        folder = (
            weights / row.id
            if weights
            else small_models.make(row.kind, scratch / row.id, config=small_models.SHAPES[row.id])
        )
        hub.add(row.source, folder)
    places = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(scratch / "hub"), "LATENT_LINEUP_CACHE": str(scratch / "c")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | places
    command = [sys.executable, "-m", "tracer", "trace", str(image), "--lineup", "tiny", "--json"]
    found: dict = {}
    for name in ("cold", "warm"):
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        found[f"{name}_seconds"] = round(time.perf_counter() - began, 1)
        if done.returncode:
            raise SystemExit(f"the trace failed: {done.stderr.strip()}")
    document = json.loads(done.stdout)
    files = [path for path in (scratch / "hub").rglob("*") if path.is_file() and not path.is_symlink()]
    found["downloaded_mb"] = round(sum(path.stat().st_size for path in files) / 1e6, 1)
    found["verdict"] = document["verdict"]["sentence"]
    found["inversion_seconds"] = round(sum(row["seconds"] for row in document["evidence"]), 1)
    hub.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--image", type=Path, default=ROOT / "examples" / "photograph.png")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(arguments.weights, arguments.image.resolve(), Path(scratch))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
