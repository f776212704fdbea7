"""The published detectors of autoencoder marks: whole pickled modules, read without executing anything in them.

"Detecting AutoEncoder is Enough" (arXiv 2411.06441) publishes its networks as pickled timm modules. Unpickling one
plainly runs whatever the file says. Here no name in the file is ever imported: tensors are rebuilt by this module's own
code, classes of torch.nn and timm become inert stand-ins that only hold state, and every other name is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.evidence.artifacts.decision import Crop
from tracer.evidence.verdict import ImageFacts, Verdict
from tracer.models import cache

if TYPE_CHECKING:
    import torch

REPOSITORY = "qwertyforce/Detect_LDM_By_Detecting_VAE"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which the authors normalise with
KEPT = ".safetensors"
_DTYPES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
}


@dataclass(frozen=True)
class PublishedArtifacts:
    """What a published detector says about one image, on a scale for which no threshold was calibrated.

    Attributes:
        image: what the result says about the file.
        probability: mean over the tries' logits, as the network means it.
        tries: in the order of looking.
        detector: name and digest.
        verdict: always open.
        versions: of the libraries involved.
    """

    image: ImageFacts
    probability: float
    tries: tuple[Crop, ...]
    detector: str
    verdict: Verdict
    versions: dict[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON values, without the sentence; the keys of `decision.Artifacts` that have no value here are null."""
        return {**asdict(self), "threshold": None, "fpr": None, "made_by_autoencoder": None}


class UnsafeFile(ValueError):
    """The file is not a pickled module of the expected shape; the message is one line."""


@dataclass(frozen=True)
class Published:
    """A published detector. The revision to load is the caller's, from the lock file; the size is not known offline.

    Attributes:
        id: short name.
        file: its name in `REPOSITORY`.
        network: the timm model that its tensors are mapped into.
        side: side of the crops it takes, in pixels; crops are never resized.
        options: further arguments of `timm.create_model`.
        megabytes: download size; 0 where it is not known before the Hub is asked.
        licence: licence of the weights.
    """

    id: str
    file: str
    network: str
    side: int
    options: tuple[tuple[str, Any], ...] = ()
    megabytes: float = 0.0
    licence: str = "MIT"


# Which variant of each network the authors took was not read: one that does not fit is refused when it is mapped.
PUBLISHED = {
    row.id: row
    for row in (
        Published("convnext-large", "model_convnext.pth", "convnext_large", 256),
        Published("eva02-large", "model_eva.pth", "eva02_large_patch14_224", 252, (("img_size", 252),)),
        Published("efficientnetv2-b0", "model_effnet.pth", "tf_efficientnetv2_b0", 256),
    )
}


class _Inert:
    """Stands for a class or function of torch.nn or timm: takes any arguments and does nothing with them."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        object.__setattr__(self, "state", state)


class _Reader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(archive.open(f"{prefix}data.pkl"))
        self.archive, self.prefix, self.storages = archive, prefix, {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *args: self.tensor(*args)  # a new one each time: a file can set attributes on what it gets
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *rest: data
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module in ("builtins", "__builtin__") and name == "set":
            return set
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        known = (module, name) == ("functools", "partial") or module.startswith(("torch.nn.", "timm."))
        if known and "." not in name:
            return type(name, (_Inert,), {})
        raise UnsafeFile(f"refused: the file asks for {module}.{name}"[:200].replace("\n", " "))

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, count = pid
        if kind != "storage" or dtype not in _DTYPES.values():
            raise UnsafeFile("refused: the file refers to something that is not a tensor")
        import torch

        if key not in self.storages:
            entry = self.archive.getinfo(f"{self.prefix}data/{key}")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise UnsafeFile("refused: its tensors are compressed")
            data = bytearray(self.archive.read(entry))
            self.storages[key] = torch.frombuffer(data, dtype=getattr(torch, dtype), count=count)
        return self.storages[key]

    def tensor(self, storage: Any, offset: int, size: tuple, stride: tuple, *rest: Any) -> Any:
        if math.prod(size) > storage.numel():
            raise UnsafeFile("refused: a tensor is larger than its data")
        return storage.as_strided(size, stride, offset).clone()


def tensors(path: Path) -> dict[str, torch.Tensor]:
    """Parameters and persistent buffers of a pickled module, by their names, as torch CPU tensors.

    Raises:
        UnsafeFile: the file names anything but tensors and classes of torch.nn and timm, or is damaged.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            if len(names) != 1:
                raise UnsafeFile("refused: not a file that torch.save wrote")
            module = _Reader(archive, names[0].removesuffix("data.pkl")).load()
        found: dict[str, torch.Tensor] = {}
        _gather(module, "", found)
    except (UnsafeFile, OSError):
        raise
    except Exception as error:  # a hostile file may break the reader in any way
        raise UnsafeFile(f"refused: not a pickled module that can be read ({type(error).__name__})") from error
    return found


def _gather(module: Any, prefix: str, found: dict[str, torch.Tensor]) -> None:
    import torch

    state = getattr(module, "state", None)
    if not isinstance(module, _Inert) or not isinstance(state, dict):
        raise UnsafeFile("refused: what the file holds is not a module")
    hidden = state.get("_non_persistent_buffers_set", ())
    for group in ("_parameters", "_buffers"):
        for name, value in state.get(group, {}).items():
            if isinstance(value, torch.Tensor) and name not in hidden:
                found[prefix + name] = value
    for name, child in state.get("_modules", {}).items():
        if child is not None:
            _gather(child, f"{prefix}{name}.", found)


def network(path: Path, name: str, **options: Any) -> Any:
    """The timm model `name` with one output and a file's weights, in evaluation mode.

    Args:
        path: a pickled module, or its tensors as `converted` keeps them (.safetensors).
        name: of the network in timm.
        options: further arguments of `timm.create_model`.

    Raises:
        UnsafeFile: see `tensors`; or the weights do not fit the model.
    """
    import timm
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        weights = load_file(path) if path.suffix == KEPT else tensors(path)
    except SafetensorError as error:
        raise UnsafeFile(f"{path.name} is not a file of tensors that can be read") from error
    model = timm.create_model(name, pretrained=False, num_classes=1, **options)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UnsafeFile(f"the weights of {path.name} are not those of {name}") from error
    return model.eval()


def detector(path: Path, row: Published) -> Callable[[np.ndarray], np.ndarray]:
    """A function from uint8 RGB crops (n, side, side, 3) to logits (n,): above 0 means drawn by an autoencoder."""
    import torch

    model = cache.MODELS.get(
        ("published detector", path, row.id), lambda: network(path, row.network, **dict(row.options))
    )

    def logits(crops: np.ndarray) -> np.ndarray:
        values = (crops.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        with torch.inference_mode():
            return model(torch.from_numpy(values).permute(0, 3, 1, 2).contiguous())[:, 0].numpy()

    return logits


def find(path: Path) -> tuple[Path, Published]:
    """The detector's file and what it is, by its name; a folder has to hold one of `PUBLISHED`.

    Raises:
        ValueError: there is none, or more than one.
        OSError: the path does not exist.
    """
    path = Path(path)
    names = {Path(row.file).stem: row for row in PUBLISHED.values()}
    files = [path]
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.stem in names and each.suffix in (".pth", KEPT))
        files = [each for each in files if each.suffix != KEPT or each.with_suffix(".pth") not in files]
    path.stat()
    if len(files) != 1 or files[0].stem not in names:
        known = ", ".join(row.file for row in PUBLISHED.values())
        raise ValueError(f"{path.name}: give one of the published detectors under its own name: {known}")
    return files[0], names[files[0].stem]


def converted(path: Path) -> Path:
    """The tensors of a pickled module as safetensors, written beside it the first time.

    Raises:
        UnsafeFile: see `tensors`.
        OSError: the folder cannot be written to.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix == KEPT:
        return path
    kept, source = path.with_suffix(KEPT), f"{path.stat().st_size} bytes, {path.stat().st_mtime_ns} ns"
    if kept.exists():
        with contextlib.suppress(Exception), safe_open(kept, "pt") as file:  # a damaged one is made again
            if (file.metadata() or {}).get("source") == source:
                return kept
    new = path.with_name(f"{kept.name}.{os.getpid()}.new")
    save_file({name: each.contiguous() for name, each in tensors(path).items()}, new, {"source": source})
    new.replace(kept)
    return kept


def digest(path: Path) -> str:
    """What identifies a file: its SHA-256."""
    with Path(path).open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
