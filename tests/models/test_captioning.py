"""The bundled captioner and image-text encoder: what they say about a picture, and which files they refuse."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from tracer.models import captioning
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import MINIS

LOADERS = {"captioner": captioning.load_captioner, "matcher": captioning.load_matcher}
WEIGHTS = {"captioner": "model.safetensors", "matcher": "open_clip_model.safetensors"}
CONFIGS = {"captioner": "config.json", "matcher": "open_clip_config.json"}


def heart(colour: str, side: int = 128) -> np.ndarray:
    """A plain heart on white."""
    angle = np.linspace(0, 2 * np.pi, 200)
    x = 16 * np.sin(angle) ** 3
    y = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    image = Image.new("RGB", (side * 4,) * 2, "white")
    points = [(side * (2 + 0.11 * a), side * (1.9 - 0.11 * b)) for a, b in zip(x, y, strict=True)]
    ImageDraw.Draw(image).polygon(points, fill=colour)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


HEARTS = {"red heart": "#dd2e44", "green heart": "#78b159", "blue heart": "#5dadec", "yellow heart": "#fdcb58"}


@pytest.mark.parametrize(("name", "colour"), HEARTS.items())
def test_a_heart_is_named(name, colour):
    assert captioning.caption(heart(colour)) == name


def test_a_caption_does_not_depend_on_size_or_run():
    picture = heart(HEARTS["red heart"])
    larger = np.asarray(Image.fromarray(picture).resize((300, 300), Image.Resampling.BICUBIC))
    assert captioning.caption(picture) == captioning.caption(picture) == captioning.caption(larger)


def test_noise_and_one_colour_still_get_words():
    noise = np.random.default_rng(0).integers(0, 256, (50, 80, 3), dtype=np.uint8)
    for picture in (noise, np.zeros((1, 1, 3), np.uint8)):
        assert captioning.caption(picture).split()


def test_captions_find_their_pictures():
    pictures = captioning.embed_images([heart(colour) for colour in HEARTS.values()])
    texts = captioning.embed_texts(list(HEARTS))
    assert (pictures @ texts.T).argmax(dim=1).tolist() == [0, 1, 2, 3]


def test_embeddings_are_unit_vectors_and_do_not_depend_on_the_batch():
    pictures = [heart(colour) for colour in HEARTS.values()] * 20  # more than one batch
    embedded = captioning.embed_images(pictures)
    assert embedded.dtype == torch.float32 and embedded.shape[0] == 80
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(80))
    torch.testing.assert_close(embedded[3:4], captioning.embed_images(pictures[3:4]), atol=1e-4, rtol=0)
    texts = captioning.embed_texts(["Red-heart!", "red heart", "never heard of it " * 20])
    torch.testing.assert_close(texts[0], texts[1])
    assert texts.shape == (3, embedded.shape[1])


def test_a_blurred_picture_stays_nearest_to_itself():
    pictures = [heart(colour) for colour in HEARTS.values()]
    blurred = [np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1))) for picture in pictures]
    alike = captioning.embed_images(blurred) @ captioning.embed_images(pictures).T
    assert alike.argmax(dim=1).tolist() == [0, 1, 2, 3]


def test_models_are_loaded_once_and_frozen():
    for model in (captioning.captioner, captioning.matcher):
        assert model() is model()
        assert not model().model.training
        assert not any(p.requires_grad or p.dtype != torch.float32 for p in model().model.parameters())


@pytest.fixture(params=LOADERS)
def copied(request, tmp_path):
    """A model's name and a copy of its folder."""
    for file in (MINIS / request.param).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return request.param, tmp_path


def test_a_file_is_missing(copied):
    name, folder = copied
    for file in ("tokenizer.json", WEIGHTS[name], CONFIGS[name]):
        content = (folder / file).read_bytes()
        (folder / file).unlink()
        with pytest.raises(ModelUnavailable, match=f"{file} is missing"):
            LOADERS[name](folder)
        (folder / file).write_bytes(content)


@pytest.mark.parametrize("keep", [0, 5, 1000])
def test_truncated_files(copied, keep):
    name, folder = copied
    for file in ("tokenizer.json", WEIGHTS[name], CONFIGS[name]):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: min(keep, len(content) - 9)])
        with pytest.raises(ModelUnavailable):
            LOADERS[name](folder)
        (folder / file).write_bytes(content)


def test_incomplete_weights(copied):
    from safetensors.torch import load_file, save_file

    name, folder = copied
    weights = load_file(folder / WEIGHTS[name])
    weights.pop(next(key for key in weights if key.endswith("weight")))
    save_file(weights, folder / WEIGHTS[name], {"format": "pt"})
    with pytest.raises(ModelUnavailable):
        LOADERS[name](folder)


def test_pickled_weights_are_not_read(copied):
    name, folder = copied
    file = folder / WEIGHTS[name]
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelUnavailable, match="is missing"):
        LOADERS[name](folder)
