"""Loading from folders: what is refused, and in which words."""

import json

import pytest

from tests import small_models as models
from tracer.models import checkpoint
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import WEIGHTS


def test_a_pipeline_folder_will_do(tmp_path):
    models.make("AutoencoderKL", tmp_path / "vae")
    assert checkpoint.from_folder(tmp_path, "pipeline").stride == 4


def test_the_digest_changes_with_the_weights(tmp_path):
    one, two = models.make("AutoencoderKL", tmp_path / "1"), models.make("AutoencoderKL", tmp_path / "2", seed=1)
    assert checkpoint.digest_of(one) != checkpoint.digest_of(two)
    assert checkpoint.digest_of(one) == checkpoint.from_folder(one, "one").weights_digest


def test_a_16_bit_copy_of_the_same_weights_is_known_as_the_same(tmp_path):
    import torch
    from diffusers import AutoencoderTiny

    one = models.make("AutoencoderTiny", tmp_path / "32")
    AutoencoderTiny.from_pretrained(one).to(torch.bfloat16).save_pretrained(tmp_path / "16")
    other = models.make("AutoencoderTiny", tmp_path / "other", seed=1)
    digests = [
        checkpoint.from_folder(tmp_path / name, name, hub_commit="abc").weights_digest for name in ("32", "16", "other")
    ]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].startswith("sha256-bf16:")
    assert checkpoint.digest_of(one) != checkpoint.digest_of(tmp_path / "16"), "though the files differ"
    assert checkpoint.from_folder(other, "other").weights_digest == checkpoint.digest_of(other), (
        "a folder is known by its files"
    )


def test_no_configuration(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        checkpoint.from_folder(tmp_path, "empty")


def test_a_configuration_that_is_not_json(tmp_path):
    (tmp_path / "config.json").write_text("not json")
    with pytest.raises(ModelUnavailable, match="no diffusers configuration"):
        checkpoint.from_folder(tmp_path, "broken")


def test_a_class_that_is_not_supported(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    with pytest.raises(ModelUnavailable, match="supported are AutoencoderKL"):
        checkpoint.from_folder(tmp_path, "unet")


def test_pickled_weights_are_not_read(tmp_path):
    folder = models.make("AutoencoderKL", tmp_path)
    (folder / WEIGHTS).rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="other weight formats are not read"):
        checkpoint.from_folder(folder, "pickled")


@pytest.mark.parametrize("keep", [0, 5, 1000])
def test_truncated_weights(tmp_path, keep):
    file = models.make("AutoencoderKL", tmp_path) / WEIGHTS
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelUnavailable, match="damaged"):
        checkpoint.from_folder(tmp_path, "cut")


def test_incomplete_weights_are_not_filled_with_random_ones(tmp_path):
    from safetensors.torch import load_file, save_file

    file = models.make("AutoencoderKL", tmp_path) / WEIGHTS
    tensors = load_file(file)
    save_file({name: tensor for name, tensor in tensors.items() if "decoder" not in name}, file)
    with pytest.raises(ModelUnavailable, match="incomplete"):
        checkpoint.from_folder(tmp_path, "half")


def test_an_autoencoder_of_grey_images(tmp_path):
    import diffusers

    diffusers.AutoencoderKL(**models.CONFIGS["AutoencoderKL"], in_channels=1, out_channels=1).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match="RGB"):
        checkpoint.from_folder(tmp_path, "grey")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelUnavailable, match="there is no folder nowhere"):
        checkpoint.from_folder(tmp_path / "nowhere", "nowhere")
