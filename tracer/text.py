"""The miniature captioner and image-text encoder: loaded once, frozen, from the package's own files.

The captioner is a `BlipForConditionalGeneration` of transformers, the encoder a CLIP of open_clip; both see pictures
squeezed to 64 px, which is fine for them: unlike inversion they read contents and style, not a decoder's traces.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tracer.lineup import MINIS
from tracer.weights import ModelUnavailable

_loading = threading.Lock()
_BATCH = 64


@dataclass(frozen=True)
class TextModel:
    """A loaded model with its tokenizer.

    Attributes:
        model: the network: frozen, float32, on the CPU.
        tokenizer: turns captions into numbers and back.
        side: picture side in pixels that the model takes.
        length: longest caption in tokens, with its two ends.
    """

    model: Any
    tokenizer: Any
    side: int
    length: int


def captioner() -> TextModel:
    """The bundled captioner, loaded on first use and kept.

    Raises:
        ModelUnavailable: its files are missing or damaged.
    """
    with _loading:
        return _kept(load_captioner, MINIS / "captioner")


def matcher() -> TextModel:
    """The bundled image-text encoder, loaded on first use and kept.

    Raises:
        ModelUnavailable: its files are missing or damaged.
    """
    with _loading:
        return _kept(load_matcher, MINIS / "matcher")


@functools.lru_cache(maxsize=4)
def _kept(load: Callable[[Path], TextModel], folder: Path) -> TextModel:
    return load(folder)


def load_captioner(folder: Path) -> TextModel:
    """A captioner in transformers layout. Pickled weights are never read.

    Raises:
        ModelUnavailable: a file is missing, damaged, or does not fit the others.
    """
    _need(folder, "captioner", "config.json", "model.safetensors", "tokenizer.json")
    import torch
    from transformers import BlipForConditionalGeneration

    try:
        model, loaded = BlipForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = _tokenizer(folder)
    except Exception as error:  # transformers, safetensors, tokenizers and json each raise their own kinds
        raise ModelUnavailable("the files of the captioner are damaged or do not fit each other") from error
    if any(loaded.values()) or len(tokenizer) != model.config.text_config.vocab_size:
        raise ModelUnavailable("the weights of the captioner are incomplete or do not fit its configuration")
    side, length = model.config.vision_config.image_size, model.config.text_config.max_position_embeddings
    return TextModel(model.eval().requires_grad_(False), tokenizer, side, length)


def load_matcher(folder: Path) -> TextModel:
    """An image-text encoder in open_clip layout. Pickled weights are never read.

    Raises:
        ModelUnavailable: a file is missing, damaged, or does not fit the others.
    """
    files = "open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json"
    _need(folder, "image-text encoder", *files)
    import open_clip
    from safetensors.torch import load_file

    try:
        described = json.loads((folder / files[0]).read_text())["model_cfg"]
        model = open_clip.CLIP(**described)
        model.load_state_dict(load_file(folder / files[1]))  # strict, and into float32
        tokenizer = _tokenizer(folder)
        side, length = described["vision_cfg"]["image_size"], described["text_cfg"]["context_length"]
        fits = len(tokenizer) == described["text_cfg"]["vocab_size"]
    except Exception as error:  # open_clip, torch, safetensors, tokenizers and json each raise their own kinds
        raise ModelUnavailable("the files of the image-text encoder are damaged or do not fit each other") from error
    if not fits:
        raise ModelUnavailable("the tokenizer of the image-text encoder does not fit its configuration")
    return TextModel(model.eval().requires_grad_(False), tokenizer, side, length)


def _need(folder: Path, title: str, *files: str) -> None:
    for file in files:
        if not (folder / file).is_file():
            raise ModelUnavailable(f"the {title} is not part of this package: {file} is missing")


def _tokenizer(folder: Path):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def caption(image: np.ndarray) -> str:
    """What a picture shows, in a few words, such as "red apple" or "a photo of a shirt".

    Args:
        image: uint8 RGB (height, width, 3).

    Raises:
        ModelUnavailable: the captioner cannot be had.
    """
    import torch

    loaded = captioner()
    with torch.no_grad():
        # Greedy, so that one picture always gets one caption.
        written = loaded.model.generate(
            pixel_values=_batch([image], loaded.side), max_length=loaded.length, num_beams=1, do_sample=False
        )
    return loaded.tokenizer.decode(written[0], skip_special_tokens=True).strip()


def embed_images(images: Sequence[np.ndarray]):
    """Unit vectors of pictures: their dot products are cosine similarities of contents and style.

    Args:
        images: uint8 RGB arrays (height, width, 3) of any sizes; at least one.

    Returns:
        Float32 tensor (n, d), rows of length 1.

    Raises:
        ModelUnavailable: the encoder cannot be had.
    """
    import torch

    loaded = matcher()
    with torch.no_grad():
        parts = [
            loaded.model.encode_image(_batch(images[start : start + _BATCH], loaded.side), normalize=True)
            for start in range(0, len(images), _BATCH)
        ]
        return torch.cat(parts)


def embed_texts(texts: Sequence[str]):
    """Unit vectors of captions, comparable with those of pictures.

    Args:
        texts: at least one; words the encoder never learned count as unknown, what is too long is cut off.

    Returns:
        Float32 tensor (n, d), rows of length 1.

    Raises:
        ModelUnavailable: the encoder cannot be had.
    """
    import torch

    loaded = matcher()
    tokens = loaded.tokenizer(
        list(texts), padding="max_length", max_length=loaded.length, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        return loaded.model.encode_text(tokens["input_ids"], normalize=True)


def _batch(images: Sequence[np.ndarray], side: int):
    """Pictures squeezed to `side` and scaled to [-1, 1], as both models were trained: float32 (n, 3, side, side)."""
    import torch

    small = [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in images]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1
