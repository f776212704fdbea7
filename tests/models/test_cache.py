"""Loading from folders: what is refused, and in which words."""

import json

import pytest

from tests import small_models
from tracer.models import cache
from tracer.models.cache import ModelUnavailable


def test_a_pipeline_folder_will_do(tmp_path):
    small_models.make("AutoencoderKL", tmp_path / "vae")
    assert cache.from_folder(tmp_path, "pipeline").stride == 4


def test_the_revision_changes_with_the_weights(tmp_path):
    one, two = (
        small_models.make("AutoencoderKL", tmp_path / "1"),
        small_models.make("AutoencoderKL", tmp_path / "2", seed=1),
    )
    assert cache.revision_of(one) != cache.revision_of(two)
    assert cache.revision_of(one) == cache.from_folder(one, "one").revision


def test_a_16_bit_copy_of_the_same_weights_is_known_as_the_same(tmp_path):
    import torch
    from diffusers import AutoencoderTiny

    one = small_models.make("AutoencoderTiny", tmp_path / "32")
    AutoencoderTiny.from_pretrained(one).to(torch.bfloat16).save_pretrained(tmp_path / "16")
    other = small_models.make("AutoencoderTiny", tmp_path / "other", seed=1)
    digests = [cache.from_folder(tmp_path / name, name, revision="abc").digest for name in ("32", "16", "other")]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].startswith("sha256-bf16:")
    assert cache.revision_of(one) != cache.revision_of(tmp_path / "16"), "though the files differ"
    assert cache.from_folder(other, "other").digest == cache.revision_of(other), "a folder is known by its files"


def test_no_configuration(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        cache.from_folder(tmp_path, "empty")


def test_a_configuration_that_is_not_json(tmp_path):
    (tmp_path / "config.json").write_text("not json")
    with pytest.raises(ModelUnavailable, match="no diffusers configuration"):
        cache.from_folder(tmp_path, "broken")


def test_a_class_that_is_not_supported(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    with pytest.raises(ModelUnavailable, match="supported are AutoencoderKL"):
        cache.from_folder(tmp_path, "unet")


def test_pickled_weights_are_not_read(tmp_path):
    folder = small_models.make("AutoencoderKL", tmp_path)
    (folder / cache.WEIGHTS_FILE).rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="other weight formats are not read"):
        cache.from_folder(folder, "pickled")


@pytest.mark.parametrize("keep", [0, 5, 1000])
def test_truncated_weights(tmp_path, keep):
    file = small_models.make("AutoencoderKL", tmp_path) / cache.WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelUnavailable, match="damaged"):
        cache.from_folder(tmp_path, "cut")


def test_incomplete_weights_are_not_filled_with_random_ones(tmp_path):
    from safetensors.torch import load_file, save_file

    file = small_models.make("AutoencoderKL", tmp_path) / cache.WEIGHTS_FILE
    tensors = load_file(file)
    save_file({name: tensor for name, tensor in tensors.items() if "decoder" not in name}, file)
    with pytest.raises(ModelUnavailable, match="incomplete"):
        cache.from_folder(tmp_path, "half")


def test_an_autoencoder_of_grey_images(tmp_path):
    import diffusers

    diffusers.AutoencoderKL(**small_models.CONFIGS["AutoencoderKL"], in_channels=1, out_channels=1).save_pretrained(
        tmp_path
    )
    with pytest.raises(ModelUnavailable, match="RGB"):
        cache.from_folder(tmp_path, "grey")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelUnavailable, match="there is no folder nowhere"):
        cache.from_folder(tmp_path / "nowhere", "nowhere")
