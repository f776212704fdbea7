"""Captioners and image-text encoders: loaded once, frozen, from the package's own files or from the Hub.

A captioner is a `BlipForConditionalGeneration` of transformers, an encoder a CLIP of open_clip. The bundled miniatures
see pictures squeezed to 64 px, which is fine for them: unlike inversion they read contents and style, not a decoder's
traces. Those from the Hub see pictures as they were trained: squeezed for BLIP, and for CLIP the square in the middle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from tracer.models import cache, hub
from tracer.models.checkpoint import quiet
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import MINIS, Reader

_BATCH = 64  # pictures embedded at a time
_MINIATURE = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # mean and deviation that bring pixels to [-1, 1]
_CAPTION = 30  # tokens at most that a captioner from the Hub writes: what it learned from are single sentences


@dataclass(frozen=True)
class TextModel:
    """A loaded model with its tokenizer.

    Attributes:
        model: the network: frozen, float32, on the CPU.
        tokenizer: turns captions into numbers and back.
        side: picture side in pixels that the model takes.
        length: longest caption in tokens, with its two ends.
        colours: per channel the mean that is subtracted from pixels in [0, 1], and what they are divided by then.
        middle: whether the model sees the square in the middle of a picture, rather than all of it squeezed.
    """

    model: Any
    tokenizer: Any
    side: int
    length: int
    colours: tuple[Sequence[float], Sequence[float]] = _MINIATURE
    middle: bool = False


def captioner(row: Reader | None = None) -> TextModel:
    """A captioner, loaded on first use and kept while memory allows: the bundled one, or one from the Hub.

    Raises:
        ModelUnavailable: its files are missing or damaged.
    """
    return _loaded("captioner", load_captioner, row)


def matcher(row: Reader | None = None) -> TextModel:
    """An image-text encoder, loaded on first use and kept while memory allows: the bundled one, or one from the Hub.

    Raises:
        ModelUnavailable: its files are missing or damaged.
    """
    return _loaded("matcher", load_matcher, row)


def _loaded(kind: str, read: Callable[..., TextModel], row: Reader | None) -> TextModel:
    key = (kind, row.id if row else "bundled")
    if (found := cache.MODELS.peek(key)) is not None:
        return found
    if row is None:
        return cache.MODELS.get(key, lambda: read(MINIS / kind))
    folder = hub.fetch(row.repository).folder

    def mended() -> TextModel:
        with hub.mending(row.repository):
            return read(folder, row.repository.title)

    return cache.MODELS.get(key, mended)


def load_captioner(folder: Path, title: str = "captioner") -> TextModel:
    """A captioner in transformers layout. Pickled weights are never read.

    Args:
        folder: where its files are.
        title: what messages call it.

    Raises:
        ModelUnavailable: a file is missing, damaged, or does not fit the others.
    """
    _need(folder, title, "config.json", "model.safetensors", "tokenizer.json")
    import torch
    from transformers import BlipForConditionalGeneration

    try:
        with quiet():
            model, loaded = BlipForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
            )
        tokenizer = _tokenizer(folder)
        colours, length = _MINIATURE, model.config.text_config.max_position_embeddings
        if (folder / "preprocessor_config.json").exists():
            seen = json.loads((folder / "preprocessor_config.json").read_text())
            colours, length = (tuple(seen["image_mean"]), tuple(seen["image_std"])), min(length, _CAPTION)
    except Exception as error:  # transformers, safetensors, tokenizers and json each raise their own kinds
        raise ModelUnavailable(f"the files of the {title} are damaged or do not fit each other") from error
    incomplete = loaded["missing_keys"] or loaded["mismatched_keys"]  # what is superfluous does no harm
    if incomplete or len(tokenizer) > model.config.text_config.vocab_size:
        raise ModelUnavailable(f"the weights of the {title} are incomplete or do not fit its configuration")
    side = model.config.vision_config.image_size
    return TextModel(model.eval().requires_grad_(False), tokenizer, side, length, colours)


def load_matcher(folder: Path, title: str = "image-text encoder") -> TextModel:
    """An image-text encoder in open_clip layout. Pickled weights are never read.

    Args:
        folder: where its files are.
        title: what messages call it.

    Raises:
        ModelUnavailable: a file is missing, damaged, or does not fit the others.
    """
    files = "open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json"
    _need(folder, title, *files)
    import open_clip
    from safetensors.torch import load_file

    try:
        whole = json.loads((folder / files[0]).read_text())
        described, seen = whole["model_cfg"], whole.get("preprocess_cfg", {})
        model = open_clip.CLIP(**described)
        model.load_state_dict(load_file(folder / files[1]))  # strict, and into float32
        tokenizer = _tokenizer(folder)
        side, length = described["vision_cfg"]["image_size"], described["text_cfg"]["context_length"]
        fits = len(tokenizer) == described["text_cfg"]["vocab_size"]
        colours = seen.get("mean", open_clip.OPENAI_DATASET_MEAN), seen.get("std", open_clip.OPENAI_DATASET_STD)
    except Exception as error:  # open_clip, torch, safetensors, tokenizers and json each raise their own kinds
        raise ModelUnavailable(f"the files of the {title} are damaged or do not fit each other") from error
    if not fits:
        raise ModelUnavailable(f"the tokenizer of the {title} does not fit its configuration")
    middle = seen.get("resize_mode", "shortest") == "shortest"  # as open_clip reads it
    return TextModel(model.eval().requires_grad_(False), tokenizer, side, length, colours, middle)


def _need(folder: Path, title: str, *files: str) -> None:
    for file in files:
        if not (folder / file).is_file():
            raise ModelUnavailable(f"the {title} is not part of this package: {file} is missing")


def _tokenizer(folder: Path):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def caption(image: np.ndarray, by: Reader | None = None) -> str:
    """What a picture shows, in a few words, such as "red apple" or "a photo of a shirt".

    Args:
        image: uint8 RGB (height, width, 3).
        by: a captioner from the Hub instead of the bundled one.

    Raises:
        ModelUnavailable: the captioner cannot be had.
    """
    import torch

    loaded = captioner(by)
    with torch.no_grad():
        # Greedy, so that one picture always gets one caption.
        written = loaded.model.generate(
            pixel_values=_batch([image], loaded), max_length=loaded.length, num_beams=1, do_sample=False
        )
    return loaded.tokenizer.decode(written[0], skip_special_tokens=True).strip()


def embed_images(images: Sequence[np.ndarray], by: Reader | None = None):
    """Unit vectors of pictures: their dot products are cosine similarities of contents and style.

    Args:
        images: uint8 RGB arrays (height, width, 3) of any sizes; at least one.
        by: an encoder from the Hub instead of the bundled one.

    Returns:
        Float32 tensor (n, d), rows of length 1.

    Raises:
        ModelUnavailable: the encoder cannot be had.
    """
    import torch

    loaded = matcher(by)
    with torch.no_grad():
        parts = [
            loaded.model.encode_image(_batch(images[start : start + _BATCH], loaded), normalize=True)
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


def _batch(images: Sequence[np.ndarray], loaded: TextModel):
    """Pictures as a model was trained to see them: float32 (n, 3, side, side)."""
    import torch

    side, (mean, deviation) = (loaded.side, loaded.side), loaded.colours
    pictures = [Image.fromarray(image) for image in images]
    if loaded.middle:
        pictures = [ImageOps.fit(picture, side, Image.Resampling.BICUBIC) for picture in pictures]
    small = [np.asarray(picture.resize(side, Image.Resampling.BICUBIC)) for picture in pictures]
    pixels = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(deviation).view(1, 3, 1, 1)
