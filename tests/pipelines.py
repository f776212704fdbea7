"""Whole pipelines with tiny random weights, in the layout of the repositories on the Hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

from tests import small_models as models
from tracer.models.checkpoint import quiet

WORDS = ["<|startoftext|>", "<|endoftext|>", "a", "fox</w>", "f", "o", "x", "x</w>"]
_TEXT = dict(
    vocab_size=len(WORDS),
    bos_token_id=0,
    eos_token_id=1,
    hidden_size=32,
    intermediate_size=37,
    num_hidden_layers=1,
    num_attention_heads=4,
)
_VISION = dict(
    hidden_size=32, intermediate_size=37, num_hidden_layers=1, num_attention_heads=4, image_size=30, patch_size=15
)
_UNET = dict(
    sample_size=8,
    block_out_channels=(8, 8),
    layers_per_block=1,
    norm_num_groups=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    attention_head_dim=4,
)


def tokenizer() -> transformers.CLIPTokenizer:
    """A tokenizer that knows one word."""
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    return transformers.CLIPTokenizer(
        vocab=vocabulary, merges=[("f", "o"), ("o", "x</w>")][:0], model_max_length=77, unk_token="<|endoftext|>"
    )


def processor() -> transformers.CLIPImageProcessor:
    return transformers.CLIPImageProcessor(crop_size=30, size=30)


def stable_diffusion(folder: Path, threshold: float | None = None) -> Path:
    """A StableDiffusionPipeline; with a threshold, one with a safety checker that flags what is more alike than it."""
    checker = None
    if threshold is not None:
        vision = transformers.CLIPConfig(text_config=_TEXT, vision_config=_VISION, projection_dim=16)
        checker = StableDiffusionSafetyChecker(vision)
        checker.concept_embeds_weights.data.fill_(threshold)
        checker.special_care_embeds_weights.data.fill_(2.0)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=diffusers.AutoencoderKL(**models.CONFIGS["AutoencoderKL"]),
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**_TEXT)),
        tokenizer=tokenizer(),
        unet=diffusers.UNet2DConditionModel(**_UNET, cross_attention_dim=32),
        scheduler=diffusers.EulerDiscreteScheduler(),
        safety_checker=checker,
        feature_extractor=processor() if checker else None,
        requires_safety_checker=checker is not None,
    )
    return saved(pipeline, folder)


def stable_diffusion_xl(folder: Path) -> Path:
    second = transformers.CLIPTextConfig(**_TEXT, projection_dim=32)
    unet = diffusers.UNet2DConditionModel(
        **_UNET,
        cross_attention_dim=64,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 32,
    )
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=diffusers.AutoencoderKL(**models.CONFIGS["AutoencoderKL"]),
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**_TEXT)),
        text_encoder_2=transformers.CLIPTextModelWithProjection(second),
        tokenizer=tokenizer(),
        tokenizer_2=tokenizer(),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(),
    )
    return saved(pipeline, folder)


def kandinsky(folder: Path) -> Path:
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        out_channels=8,
        addition_embed_type="image",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        block_out_channels=(32, 32),
        layers_per_block=1,
        encoder_hid_dim=32,
        encoder_hid_dim_type="image_proj",
        cross_attention_dim=32,
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
    )
    movq = diffusers.VQModel(**models.CONFIGS["VQModel"])
    return saved(diffusers.KandinskyV22Pipeline(unet=unet, scheduler=diffusers.DDPMScheduler(), movq=movq), folder)


def kandinsky_prior(folder: Path) -> Path:
    text = transformers.CLIPTextConfig(**_TEXT, projection_dim=32)
    vision = transformers.CLIPVisionConfig(**_VISION, projection_dim=32)
    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, embedding_dim=32, num_layers=1, num_embeddings=77
    )
    prior.clip_std.data.fill_(1.0)
    pipeline = diffusers.KandinskyV22PriorPipeline(
        prior=prior,
        image_encoder=transformers.CLIPVisionModelWithProjection(vision),
        text_encoder=transformers.CLIPTextModelWithProjection(text),
        tokenizer=tokenizer(),
        scheduler=diffusers.UnCLIPScheduler(prediction_type="sample", variance_type="fixed_small_log"),
        image_processor=processor(),
    )
    return saved(pipeline, folder)


def sana_sprint(folder: Path) -> Path:
    vocabulary = {word: index for index, word in enumerate(("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "a"))}
    gemma = transformers.Gemma2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    transformer = diffusers.SanaTransformer2DModel(
        in_channels=8,
        out_channels=8,
        num_layers=1,
        num_attention_heads=2,
        attention_head_dim=8,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=16,
        patch_size=1,
        sample_size=8,
        qk_norm="rms_norm_across_heads",
        guidance_embeds=True,
    )
    pipeline = diffusers.SanaSprintPipeline(
        tokenizer=transformers.GemmaTokenizer(vocab=vocabulary, merges=[]),
        text_encoder=transformers.Gemma2Model(gemma),
        vae=diffusers.AutoencoderDC(**models.CONFIGS["AutoencoderDC"]),
        transformer=transformer,
        scheduler=diffusers.SCMScheduler(),
    )
    return saved(pipeline, folder)


MADE: dict[str, tuple[Callable[[Path], Path], ...]] = {  # registry id: its repositories
    "sd-turbo": (stable_diffusion,),
    "sd15": (lambda folder: stable_diffusion(folder, threshold=2.0),),
    "sdxl-turbo": (stable_diffusion_xl,),
    "kandinsky22": (kandinsky, kandinsky_prior),
    "sana-sprint": (sana_sprint,),
}


def saved(pipeline: diffusers.DiffusionPipeline, folder: Path) -> Path:
    with quiet():
        pipeline.save_pretrained(folder)
    return folder


def encoder(folder: Path) -> Path:
    """A tiny CLIP of open_clip."""
    import open_clip
    from safetensors.torch import save_file

    towers = dict(
        embed_dim=16,
        vision_cfg=dict(layers=1, width=32, head_width=8, image_size=32, patch_size=16),
        text_cfg=dict(context_length=8, vocab_size=len(WORDS), width=32, heads=4, layers=1),
    )
    torch.manual_seed(0)
    folder.mkdir()
    save_file(open_clip.CLIP(**towers).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": towers}))
    tokenizer().save_pretrained(folder)
    return folder


def captioner(folder: Path, token: int = WORDS.index("fox</w>")) -> Path:
    """A tiny BLIP, which always writes the same word; nothing if it is the one that ends a text."""
    text = dict(_TEXT, encoder_hidden_size=32, projection_dim=16, max_position_embeddings=16, sep_token_id=1)
    config = transformers.BlipConfig(text_config=text, vision_config=dict(_VISION, image_size=32, patch_size=16))
    with quiet():
        model = transformers.BlipForConditionalGeneration(config)
        predictions = model.text_decoder.cls.predictions
        for bias in {predictions.bias, predictions.decoder.bias}:
            bias.data[token] = 100.0
        model.save_pretrained(folder)
        tokenizer().save_pretrained(folder)
    seen = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(seen))
    return folder


# The published configurations of the networks that remove noise, as far as they say something about the shape.
_LARGE = dict(attention_head_dim=8, sample_size=64, cross_attention_dim=768)
SHAPES: dict[str, dict] = {
    "sd15": _LARGE,
    "sd-turbo": _LARGE | dict(cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True),
    "sdxl-turbo": dict(
        sample_size=64,
        cross_attention_dim=2048,
        attention_head_dim=[5, 10, 20],
        use_linear_projection=True,
        block_out_channels=[320, 640, 1280],
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        transformer_layers_per_block=[1, 2, 10],
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ),
    "kandinsky22": dict(
        sample_size=64,
        out_channels=8,
        addition_embed_type="image",
        attention_head_dim=64,
        block_out_channels=[384, 768, 1152, 1536],
        cross_attention_dim=768,
        down_block_types=["ResnetDownsampleBlock2D"] + ["SimpleCrossAttnDownBlock2D"] * 3,
        up_block_types=["SimpleCrossAttnUpBlock2D"] * 3 + ["ResnetUpsampleBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        encoder_hid_dim=1280,
        encoder_hid_dim_type="image_proj",
        layers_per_block=3,
        resnet_time_scale_shift="scale_shift",
    ),
    "sana-sprint": dict(
        in_channels=32,
        out_channels=32,
        num_attention_heads=36,
        attention_head_dim=32,
        num_layers=28,
        num_cross_attention_heads=16,
        cross_attention_head_dim=72,
        cross_attention_dim=1152,
        caption_channels=2304,
        mlp_ratio=2.5,
        sample_size=32,
        patch_size=1,
        guidance_embeds=True,
        qk_norm="rms_norm_across_heads",
    ),
}


def step_work(name: str) -> float:
    """Multiplications of one run of a model's network at the published shape, in 10^12; nothing is computed."""
    from torch.utils.flop_counter import FlopCounterMode

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, device="meta")

    shape, options = SHAPES[name], {}
    with torch.device("meta"):
        kind = diffusers.SanaTransformer2DModel if name == "sana-sprint" else diffusers.UNet2DConditionModel
        network = kind(**shape).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        if name == "sana-sprint":
            network(zeros(1, 32, 32, 32), zeros(1, 300, 2304), zeros(1), guidance=zeros(1))
        else:
            if name == "sdxl-turbo":
                options = {"text_embeds": zeros(1, 1280), "time_ids": zeros(1, 6)}
            elif name == "kandinsky22":
                options = {"image_embeds": zeros(1, 1280)}
            hidden = None if name == "kandinsky22" else zeros(1, 77, shape["cross_attention_dim"])
            network(zeros(1, 4, 64, 64), zeros(1), hidden, added_cond_kwargs=options or None)
    return counted.get_total_flops() / 2e12
