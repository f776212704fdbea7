"""The registry: every row's class loads and works, and its numbers are those of its configuration."""

import importlib

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests import small_models as models
from tracer.models import checkpoint, registry
from tracer.models.folder import CLASSES

HUB = [row for row in registry.FAMILIES.values() if not row.bundled]
COUNTED = [row for row in registry.FAMILIES.values() if row.decoder_work]
GONE = ("runwayml/", "stabilityai/stable-diffusion-2")


@pytest.fixture(params=HUB, ids=lambda row: row.id)
def row(request):
    return request.param


def test_every_row_loads_at_its_shape_and_an_image_comes_back(row, tmp_path):
    shape = models.small(row.kind, models.SHAPES[row.id])
    folder = models.make(row.kind, tmp_path / row.subfolder, config=shape)
    model = checkpoint.from_folder(folder, row.id, scaling=row.scaling, shift=row.shift)
    images = torch.rand(2, 3, 64, 2 * row.stride, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        latents = model.encode(images)
        drawn = model.decode(latents)
    assert model.stride == row.stride
    assert latents.shape == (2, row.latent_channels, 64 // row.stride, 2)
    assert drawn.shape == images.shape
    assert drawn.isfinite().all()


@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row.id)
def test_parameters_and_work_are_those_of_the_published_shape(row):
    kind = getattr(importlib.import_module(CLASSES[row.kind]), row.kind)
    shape = kind.load_config(row.source / row.subfolder) if row.bundled else models.SHAPES[row.id]
    with torch.device("meta"):
        model = kind.from_config(shape).eval()
    assert sum(each.numel() for each in model.parameters()) / 1e6 == pytest.approx(row.parameters, abs=0.006)
    side = 256
    images = torch.zeros(1, 3, side, side, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as encoding:
        encoded = model.encode(images[:, :, None] if "z_dim" in model.config else images)
    latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else None
    latents = (encoded.latents if hasattr(encoded, "latents") else encoded.latent) if latents is None else latents
    with torch.no_grad(), FlopCounterMode(display=False) as decoding:
        model.decode(latents, **({"force_not_quantize": True} if row.kind == "VQModel" else {}))
    for count, work in ((encoding, row.encoder_work), (decoding, row.decoder_work)):
        assert count.get_total_flops() / 2 / side**2 / 1e6 == pytest.approx(work, abs=0.001)


def test_the_size_is_that_of_the_weights_in_16_or_32_bit(row):
    if row.megabytes:
        assert row.megabytes / row.parameters == pytest.approx(2, rel=0.01) or row.megabytes / row.parameters == (
            pytest.approx(4, rel=0.01)
        )


def test_rows_say_where_they_come_from(row):
    assert row.licence
    assert row.source.count("/") == 1
    assert not row.source.startswith(GONE), "repositories that are gone"
    assert row.kind in CLASSES
    assert bool(row.members) == (row.lineup == "full"), "nobody is known to draw with a tiny autoencoder alone"


def test_work_was_counted_for_every_row_of_the_hub():
    assert set(HUB) <= set(COUNTED)


def test_ids_are_file_names_and_repositories_are_used_once():
    assert all(name == row.id and name.replace("-", "").isalnum() for name, row in registry.FAMILIES.items())
    assert len({row.source for row in HUB}) == len(HUB)


@pytest.mark.parametrize("name", registry.LINEUPS)
def test_every_lineup_has_families(name):
    assert registry.families(name)
