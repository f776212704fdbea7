"""What files keep of a decoder's picture, against what Pillow really writes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from tracer import api
from tracer.evidence.inversion import optimization
from tracer.evidence.inversion.observation import Jpeg, Lossless, fine_detail, kept
from tracer.evidence.inversion.settings import COMPRESSED
from tracer.image import intake, perturbations, samples
from tracer.models import autoencoder, cache, registry


def picture(height: int = 120, width: int = 136) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[80 : 80 + height, 160 : 160 + width])


def file(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]


def energy(values: torch.Tensor) -> float:
    return fine_detail(values).square().mean().item()


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("quality", [95, 85, 70, 50])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_picture_that_was_saved_is_one_of_those_that_give_the_file(
    quality: int, subsampling: int, progressive: bool
):
    pixels = picture()
    read = intake.read(file(pixels, quality=quality, subsampling=subsampling, progressive=progressive))
    shown = kept(tensor(read.pixels), read.table)
    assert isinstance(shown, Jpeg)
    outside = energy(shown.difference(tensor(pixels)))
    plainly = energy(tensor(pixels) - tensor(read.pixels))
    assert outside < 0.01 * plainly
    other = np.roll(pixels, 1, axis=1)  # as alike as can be, and not it
    assert energy(shown.difference(tensor(other))) > 100 * outside


def test_sides_that_are_no_multiples_of_a_block_only_lose_what_is_left_over():
    pixels = picture(117, 139)
    read = intake.read(file(pixels, quality=70))
    assert read.pixels.shape == pixels.shape
    shown = kept(tensor(read.pixels[:112, :136]), read.table)
    outside = energy(shown.difference(tensor(pixels[:112, :136])))
    assert outside < 0.01 * energy(tensor(pixels) - tensor(read.pixels))


def test_the_nearest_picture_gives_the_same_file():
    pixels = picture()
    read = intake.read(file(pixels, quality=70, subsampling=0))
    shown = kept(tensor(read.pixels), read.table)
    near = shown.nearest(tensor(np.roll(pixels, 1, axis=1)))
    assert energy(shown.difference(near)) < 1e-3 * energy(shown.difference(tensor(np.roll(pixels, 1, axis=1))))


def test_what_it_would_save_is_what_pillow_saves():
    pixels = picture()
    read = intake.read(file(pixels, quality=80))
    ours = kept(tensor(read.pixels), read.table).saved(tensor(pixels)).image()
    levels = (ours - tensor(read.pixels)).abs() * 255
    assert levels.mean() < 2  # its halving of colour is not quite ours


def test_a_lossless_picture_says_nothing_beyond_black_and_white():
    target = torch.tensor([0.0, 1.0, 0.5]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    decoded = torch.tensor([-0.2, 1.3, 0.6]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    shown = kept(target, None)
    assert isinstance(shown, Lossless)
    assert torch.allclose(shown.difference(decoded)[0, 0, 0], torch.tensor([0.0, 0.0, 0.1]), atol=1e-6)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_photograph_brings_a_turned_table(orientation: int):
    pixels = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = intake.read(file(pixels, quality=60, exif=exif))
    assert read.table is not None
    upright = np.asarray(Image.fromarray(pixels).rotate({1: 0, 3: 180, 6: 270, 8: 90}[orientation], expand=True))
    shown = kept(tensor(read.pixels), read.table)
    assert energy(shown.difference(tensor(upright))) < 0.02 * energy(tensor(upright) - tensor(read.pixels))


def test_where_the_blocks_begin_elsewhere_there_is_no_table():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert intake.read(file(picture(121, 133), quality=60, exif=exif)).table is None
    assert intake.read(file(picture(121, 133), quality=60)).table is not None
    rgb = intake.read(file(picture(), quality=90, keep_rgb=True))
    assert rgb.table is None
    grey = io.BytesIO()
    Image.fromarray(picture()).convert("L").save(grey, "JPEG", quality=90)
    assert intake.read(grey.getvalue()).table is not None
    png = io.BytesIO()
    Image.fromarray(picture()).save(png, "PNG")
    assert intake.read(png.getvalue()).table is None


def test_stored_without_luminance_there_is_no_table():
    ink = io.BytesIO()
    Image.fromarray(picture()).convert("CMYK").save(ink, "JPEG", quality=90)
    read = intake.read(ink.getvalue())
    assert read.format == "JPEG" and read.table is None


@pytest.mark.parametrize("quality", [95, 85, 70])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_belonging_picture_fits_its_decoder_after_jpeg_and_another_one_does_not(quality: int, subsampling: int):
    own, other = (cache.load(registry.family(name)) for name in ("mini-dc", "mini-movq"))
    made = [autoencoder.reconstruct(picture(128, 144), each) for each in (own, other)]
    files = [intake.read(file(each, quality=quality, subsampling=subsampling)) for each in made]
    fits, not_so = (optimization.scores(each.pixels, own, COMPRESSED, each.table)[-1] for each in files)
    assert fits < 0.3 and not_so > 5 * fits


def test_a_turned_belonging_picture_is_judged_by_its_turned_table():
    model = cache.load(registry.family("mini-dc"))
    made, exif = autoencoder.reconstruct(picture(128, 144), model), Image.Exif()
    exif[0x0112] = 6
    lying = np.asarray(Image.fromarray(made).rotate(90, expand=True))
    read = intake.read(file(lying, quality=70, exif=exif))
    assert read.pixels.shape == made.shape
    straight = optimization.scores(read.pixels, model, COMPRESSED, read.table)[-1]
    assert straight < 0.3 < optimization.scores(read.pixels, model, COMPRESSED, None)[-1]


def test_a_soft_jpeg_gets_the_name_of_the_family_that_drew_it_or_none():
    tiles = samples.bundled_photographs(3, 128)
    drawn = autoencoder.reconstruct(perturbations.blur(tiles[2], 4), cache.load(registry.family("mini-kl")))
    named = api.trace(file(drawn, quality=90))
    detail = max(each.detail for each in named.evidence)
    assert optimization.FLAT < detail < optimization.SILENT, "no more than what lossless pictures get no answer with"
    assert named.verdict.families == ("mini-kl",)
    among = api.trace(file(drawn, quality=90), families=["mini-kl", "mini-dc"])
    assert among.evidence[0].faint and among.evidence[0].score <= among.evidence[0].threshold
    for other in (
        perturbations.blur(tiles[0], 3),
        perturbations.blur(tiles[2], 4),
        np.full((128, 128, 3), 90, np.uint8),
    ):
        assert api.trace(file(other, quality=90)).verdict.kind == "insufficient"
