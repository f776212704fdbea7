"""Which files of a repository are read: of each part the configuration and one set of safetensors, nothing else.

Pickled weights are never read, and no code of a repository is ever fetched. Where a part's weights are there in 16 bit
too (diffusers' variant "fp16"), those are taken: half the download.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from tracer.models.errors import ModelUnavailable
from tracer.models.registry import Repository

INDEX = "model_index.json"
HALF = "fp16"
_LIGHT = ("feature_extractor", "image_processor", "scheduler", "tokenizer", "tokenizer_2")  # parts without weights
_SMALL = (".json", ".txt", ".model")
_WEIGHTS = re.compile(r"(diffusion_pytorch_model|model)(\.fp16)?(?:-\d{5}-of-(\d{5}))?\.safetensors")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def first(repository: Repository) -> str:
    """The file that tells whether a repository is there."""
    return repository.files[0] if repository.files else INDEX


def needed(repository: Repository, names: Collection[str]) -> list[str]:
    """The files to read, of those that a repository has.

    Args:
        repository: what is read.
        names: paths of all files in the repository.

    Raises:
        ModelUnavailable: a part is missing, or there only as a pickle.
    """
    if repository.files:
        for name in repository.files:
            if name not in names:
                raise _missing(repository, name[: name.rfind("/") + 1], names, name)
        return list(repository.files)
    wanted = [INDEX]
    if INDEX not in names:
        raise ModelUnavailable(f"{repository.source} has no {INDEX}, so it is no pipeline of diffusers")
    for folder in repository.folders:
        inside = {name.partition("/")[2]: name for name in names if name.startswith(f"{folder}/")}
        if folder in _LIGHT:
            mine = [name for short, name in sorted(inside.items()) if short.endswith(_SMALL) and "/" not in short]
            if not mine:
                raise ModelUnavailable(f"{repository.source} has no longer the {folder} that {repository.title} needs")
            wanted += mine
            continue
        mine = _weights(inside)
        if not mine or "config.json" not in inside:
            raise _missing(repository, f"{folder}/", names, "safetensors")
        wanted += [inside[short] for short in ("config.json", *mine)]
    return wanted


def _weights(inside: Collection[str]) -> list[str]:
    """One whole set of weights, with its index where it is in several files: in 16 bit if there is one."""
    for variant in (f".{HALF}", ""):
        found = [match for match in map(_WEIGHTS.fullmatch, sorted(inside)) if match and (match[2] or "") == variant]
        single = [match[0] for match in found if not match[3]]
        shards = [match for match in found if match[3]]
        if single:
            return single[:1]
        if shards and len(shards) == int(shards[0][3]):
            index = f"{shards[0][1]}.safetensors.index{variant}.json"
            if index in inside:
                return [index, *(match[0] for match in shards)]
    return []


def _missing(repository: Repository, folder: str, names: Collection[str], what: str) -> ModelUnavailable:
    pickled = any(name.startswith(folder) and name.endswith(_PICKLES) for name in names)
    if pickled and what.endswith("safetensors"):
        where = f" of its {folder[:-1]}" if folder else ""
        why = "could run code of their own and are not read"
        return ModelUnavailable(f"{repository.source} has the weights{where} only as pickles, which {why}")
    return ModelUnavailable(f"{repository.source} has no longer the files that {repository.title} needs")
