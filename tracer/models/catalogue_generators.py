"""The registry's rows for full-size models on the Hub: those that draw, caption and compare, as keyword arguments.

Repositories, classes, sizes and settings are those of the published configurations and model cards; a licence that was
not read says "unknown". The work of a step is counted on these configurations (`tests/models/test_pipelines.py` does it
again), that of text encoders and priors estimated as weights times tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SD = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")


@dataclass(frozen=True)
class Repository:
    """What is read of a repository on the Hub.

    Attributes:
        id: key in the lock file.
        title: the name that messages show.
        source: "owner/name".
        kind: the pipeline's class in diffusers; "" where it is none.
        folders: the parts of a pipeline, each a folder.
        files: instead of folders, the files to read.
        gated: whether the Hub asks for a login and an accepted licence.
    """

    id: str
    title: str
    source: str
    kind: str = ""
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    gated: bool = False


GENERATORS: tuple[dict[str, Any], ...] = (
    dict(
        id="sd-turbo",
        family="sd2",
        repositories=(
            Repository("sd-turbo", "SD-Turbo", "stabilityai/sd-turbo", "StableDiffusionPipeline", folders=_SD),
        ),
        style="anything, in one step",
        licence="Stability AI's own",
        side=512,
        steps=1,
        guidance=0.0,
        evaluations=1,
        step_work=0.402,
        other_work=0.026,
        parameters=1289.95,
        megabytes=2580.0,
        note="has the configuration of Stable Diffusion 2's autoencoder; whether the weights are equal was not checked",
    ),
    dict(
        id="sd15",
        family="sd1",
        repositories=(
            Repository(
                "sd15",
                "Stable Diffusion 1.5",
                "stable-diffusion-v1-5/stable-diffusion-v1-5",
                "StableDiffusionPipeline",
                folders=(*_SD, "feature_extractor", "safety_checker"),
            ),
        ),
        style="anything; its safety checker withholds some pictures",
        licence="CreativeML OpenRAIL-M",
        side=512,
        steps=25,
        guidance=7.5,
        evaluations=50,
        step_work=0.402,
        other_work=0.1,
        parameters=1370.2,
        megabytes=2740.0,
    ),
    dict(
        id="sdxl-turbo",
        family="sdxl",
        repositories=(
            Repository(
                "sdxl-turbo",
                "SDXL-Turbo",
                "stabilityai/sdxl-turbo",
                "StableDiffusionXLPipeline",
                folders=(*_SD, "text_encoder_2", "tokenizer_2"),
            ),
        ),
        style="anything, in one step",
        licence="Stability AI's own",
        side=512,
        steps=1,
        guidance=0.0,
        evaluations=1,
        step_work=0.794,
        other_work=0.063,
        parameters=3468.83,
        megabytes=6940.0,
    ),
    dict(
        id="kandinsky22",
        family="kandinsky2",
        repositories=(
            Repository(
                "kandinsky22",
                "Kandinsky 2.2",
                "kandinsky-community/kandinsky-2-2-decoder",
                "KandinskyV22Pipeline",
                folders=("movq", "scheduler", "unet"),
            ),
            Repository(
                "kandinsky22-prior",
                "Kandinsky 2.2's prior",
                "kandinsky-community/kandinsky-2-2-prior",
                "KandinskyV22PriorPipeline",
                folders=("image_encoder", "image_processor", "prior", "scheduler", "text_encoder", "tokenizer"),
            ),
        ),
        style="anything",
        licence="Apache-2.0",
        side=512,
        steps=50,
        guidance=4.0,
        evaluations=100,
        step_work=0.428,
        other_work=2.6,
        parameters=4886.69,
        megabytes=9770.0,
        note="has the configuration of Kandinsky 2.1's autoencoder; whether the weights are equal was not checked",
    ),
    dict(
        id="sana-sprint",
        family="sana",
        repositories=(
            Repository(
                "sana-sprint",
                "Sana Sprint 0.6B",
                "Efficient-Large-Model/Sana_Sprint_0.6B_1024px_diffusers",
                "SanaSprintPipeline",
                folders=("scheduler", "text_encoder", "tokenizer", "transformer", "vae"),
            ),
        ),
        style="anything, in two steps",
        licence="unknown",
        side=1024,
        steps=2,
        guidance=4.5,
        evaluations=2,
        step_work=0.561,
        other_work=1.1,
        parameters=3520.08,
        megabytes=7040.0,
        half="bfloat16",
        note="its text encoder is Gemma 2, which has terms of its own; whether the autoencoder's weights are those of "
        "the family's repository was not checked",
    ),
)

_BLIP_FILES = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
_CLIP_FILES = ("open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json")

READERS: tuple[dict[str, Any], ...] = (
    dict(
        id="blip-base",
        kind="captioner",
        repository=Repository("blip-base", "BLIP (base)", "Salesforce/blip-image-captioning-base", files=_BLIP_FILES),
        licence="BSD-3-Clause",
        megabytes=990.0,
        instead="blip-large",
        note="where its repository has no safetensors, the large one is taken",
    ),
    dict(
        id="blip-large",
        kind="captioner",
        repository=Repository(
            "blip-large", "BLIP (large)", "Salesforce/blip-image-captioning-large", files=_BLIP_FILES
        ),
        licence="BSD-3-Clause",
        megabytes=1880.0,
    ),
    dict(
        id="vit-b-32",
        kind="encoder",
        repository=Repository("vit-b-32", "CLIP ViT-B-32", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", files=_CLIP_FILES),
        licence="MIT",
        megabytes=605.0,
    ),
    dict(
        id="vit-l-14",
        kind="encoder",
        repository=Repository("vit-l-14", "CLIP ViT-L-14", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", files=_CLIP_FILES),
        licence="MIT",
        megabytes=1710.0,
    ),
)
