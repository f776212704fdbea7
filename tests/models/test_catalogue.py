"""The catalogue: what a row may say, and how a mistake in it is told."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests import small_models as models
from tracer.models import catalogue, checkpoint, registry


def rows(tmp_path, text: str) -> dict[str, registry.Family]:
    (tmp_path / "mine.toml").write_text(text)
    tables = catalogue.read("mine", tmp_path)
    return catalogue.validated(registry.Family, [{"lineup": "mine", **row} for row in tables["family"]])


def test_a_row_says_what_differs_from_its_shape_and_the_defaults(tmp_path):
    found = rows(
        tmp_path,
        """
        [shape.wide]
        kind = "AutoencoderKL"
        latent_channels = 16

        [family.one]
        shape = "wide"
        title = "One"
        source = "somebody/one"
        models = [{ name = "First", year = 2024, licence = "MIT" }, { name = "Second" }]

        [family.two]
        shape = "wide"
        title = "Two"
        folder = "two"
        latent_channels = 4
        """,
    )
    one, two = found["one"], found["two"]
    assert (one.kind, one.latent_channels, one.stride, one.bundled) == ("AutoencoderKL", 16, 8, False)
    assert one.members == ("First", "Second")
    assert one.models[0] == registry.Member("First", 2024, "MIT")
    assert one.repository.files == ("vae/config.json", "vae/diffusion_pytorch_model.safetensors")
    assert (two.latent_channels, two.bundled) == (4, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stridde = 8", "stridde"),
        ('stride = "wide"', "stride"),
        ('models = [{ nam = "First" }]', "nam"),
        ('shape = "unheard of"', "unheard of"),
        ("", "kind"),
    ],
    ids=["unknown", "type", "member", "shape", "missing"],
)
def test_a_mistake_in_a_row_is_told_with_the_row_and_the_field(tmp_path, line, said):
    kind = 'kind = "VQModel"' if line else ""
    with pytest.raises(ValueError, match=rf"(?s)row odd: .*{said}"):
        rows(tmp_path, f'[family.odd]\ntitle = "Odd"\nsource = "some/where"\n{kind}\n{line}\n')


def test_rows_name_one_another():
    for row in registry.GENERATORS.values():
        assert row.family in registry.FAMILIES
    for row in registry.READERS.values():
        assert not row.instead or registry.reader(row.instead, row.kind)


def test_models_of_full_size_families_say_when_they_came_out():
    named = [model for row in registry.families("full") for model in row.models]
    assert all(2020 < model.year < 2040 for model in named if not model.name.startswith("many "))


def test_a_class_of_this_package_loads_like_one_of_diffusers(tmp_path, monkeypatch):
    import diffusers

    kind = type("Surrogate", (diffusers.AutoencoderTiny,), {})
    module = ModuleType("tracer.models.surrogate")
    module.Surrogate = kind
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kind(**models.CONFIGS["AutoencoderTiny"]).save_pretrained(tmp_path)
    model = checkpoint.from_folder(tmp_path, "surrogate")
    assert isinstance(model.model, kind) and model.stride == 4
    assert model.hub_commit is None and model.revision == model.weights_digest
