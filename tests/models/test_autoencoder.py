"""Every supported class behind the common interface."""

import numpy as np
import pytest
import torch

from tests import small_models as models
from tracer.models import checkpoint


@pytest.fixture(params=models.CONFIGS)
def autoencoder(request, tmp_path):
    return checkpoint.from_folder(models.make(request.param, tmp_path), request.param)


def test_latents_have_the_stride_and_images_come_back_at_their_size(autoencoder):
    images = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0))
    latents = autoencoder.encode(images)
    assert autoencoder.stride == 4
    assert latents.shape[-2:] == (8, 6)
    assert latents.dtype == torch.float32
    assert autoencoder.decode(latents).shape == images.shape


def test_encoding_is_deterministic_and_weights_are_frozen(autoencoder):
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(autoencoder.encode(images), autoencoder.encode(images))
    assert not any(parameter.requires_grad for parameter in autoencoder.model.parameters())


def test_gradients_reach_the_latents(autoencoder):
    latents = autoencoder.encode(torch.rand(1, 3, 32, 32)).detach().requires_grad_(True)
    autoencoder.decode(latents).square().mean().backward()
    assert latents.grad.abs().sum() > 0


def test_sides_off_the_latent_grid_are_refused(autoencoder):
    with pytest.raises(ValueError, match="multiple of the stride 4"):
        autoencoder.encode(torch.rand(1, 3, 30, 32))


def test_scaling_and_shift_undo_themselves(tmp_path):
    folder = models.make("AutoencoderKL", tmp_path)
    plain = checkpoint.from_folder(folder, "plain", scaling=1.0, shift=0.0)
    moved = checkpoint.from_folder(folder, "moved", scaling=0.5, shift=0.25)
    images = torch.rand(1, 3, 32, 32)
    assert torch.allclose(moved.encode(images), (plain.encode(images) - 0.25) * 0.5, atol=1e-6)
    assert torch.allclose(moved.decode(moved.encode(images)), plain.decode(plain.encode(images)), atol=1e-5)


def test_a_vq_model_decodes_latents_that_never_met_the_codebook(tmp_path):
    autoencoder = checkpoint.from_folder(models.make("VQModel", tmp_path), "vq")
    latents = autoencoder.encode(torch.rand(1, 3, 32, 32)).requires_grad_(True)
    nudged = autoencoder.decode(latents + 1e-3)
    assert not torch.equal(nudged, autoencoder.decode(latents)), "a quantiser would swallow so small a step"


def test_sixteen_bit_weights_give_the_same_picture(tmp_path):
    autoencoder = checkpoint.from_folder(models.make("AutoencoderKL", tmp_path), "kl")
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    full = autoencoder.decode(autoencoder.encode(images))
    autoencoder.model.to(torch.bfloat16)
    half = autoencoder.decode(autoencoder.encode(images))
    assert half.dtype == torch.float32
    assert (full - half).square().mean() < 1e-4


def test_a_batch_is_the_same_as_one_at_a_time(autoencoder):
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    together = autoencoder.decode(autoencoder.encode(images))
    alone = torch.cat([autoencoder.decode(autoencoder.encode(image[None])) for image in images])
    np.testing.assert_allclose(together.numpy(), alone.numpy(), atol=1e-5)


def test_loading_works_where_gradients_are_switched_off(tmp_path):
    from tracer.models.autoencoder import fastest_dtype

    fastest_dtype.cache_clear()
    with torch.no_grad():
        checkpoint.from_folder(models.make("AutoencoderKL", tmp_path), "kl")


def test_trying_16_bit_does_not_touch_the_weights(tmp_path):
    from tracer.models.autoencoder import _agrees_in_16_bit

    autoencoder = checkpoint.from_folder(models.make("AutoencoderKL", tmp_path), "kl")
    before = [parameter.clone() for parameter in autoencoder.model.parameters()]
    assert not _agrees_in_16_bit(autoencoder, tolerance=0)
    assert all(map(torch.equal, before, autoencoder.model.parameters()))
    assert autoencoder.dtype == torch.float32


@pytest.mark.parametrize("kind", ["AutoencoderKLQwenImage", "AutoencoderKLWan"])
def test_a_single_frame_is_what_the_video_model_itself_decodes_but_not_clamped(kind, tmp_path):
    autoencoder = checkpoint.from_folder(models.make(kind, tmp_path), kind)
    latents = 3 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    mean, deviation = (torch.tensor(models.CONFIGS[kind][key]) for key in ("latents_mean", "latents_std"))
    raw = latents * deviation.view(1, 4, 1, 1) + mean.view(1, 4, 1, 1)  # as the pipelines do
    with torch.no_grad():
        autoencoder.model.decoder.conv_out.weight.mul_(20)  # random weights draw greys, which nothing would clamp
        theirs = autoencoder.model.decode(raw[:, :, None]).sample[:, :, 0] / 2 + 0.5
        ours = autoencoder.decode(latents)
    torch.testing.assert_close(ours.clamp(0, 1), theirs, atol=1e-5, rtol=0)
    assert ours.min() < 0 < 1 < ours.max()


def test_flux2_latents_are_folded_and_normalised_as_its_pipeline_does(tmp_path):
    autoencoder = checkpoint.from_folder(models.make("AutoencoderKLFlux2", tmp_path), "flux2")
    model, images = autoencoder.model, torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(0))
    model.bn.running_mean.uniform_(-1, 1)
    model.bn.running_var.uniform_(0.5, 2)
    model.save_pretrained(tmp_path)
    autoencoder = checkpoint.from_folder(tmp_path, "flux2")
    with torch.no_grad():
        raw = model.encode(images * 2 - 1).latent_dist.mode()
        folded = raw.view(1, 4, 8, 2, 6, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 16, 8, 6)
        mean, variance = (each.view(1, -1, 1, 1) for each in (model.bn.running_mean, model.bn.running_var))
        expected = (folded - mean) / (variance + model.config.batch_norm_eps).sqrt()
        torch.testing.assert_close(autoencoder.encode(images), expected, atol=1e-5, rtol=1e-5)
        theirs = model.decode(raw).sample / 2 + 0.5
        torch.testing.assert_close(autoencoder.decode(expected), theirs, atol=1e-5, rtol=1e-5)
