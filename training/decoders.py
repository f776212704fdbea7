"""Every autoencoder that the detector learns the marks of: as they are, with other decoders, and of full size.

The finest traces of a decoder are its own, so there are many: the bundled minis, the tiny autoencoders and the bundled
surrogates; each of the first two also with its decoder disturbed and trained again for a moment; and decoders of the
architecture that Stable Diffusion, SDXL, SD3 and FLUX.1 share (128-256-512-512 channels), trained from nothing on a
tiny autoencoder's latents:

    python -m training.decoders --minutes 2.5 --photos FOLDER --real FOLDER --weights FOLDER   # wants an accelerator
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from tracer.models import checkpoint, registry
from tracer.models.autoencoder import Autoencoder
from training import common, data
from training.originals import Originals

FOLDER = data.CACHE / "decoders"
FULL = {"full-sd": ("taesd", 4), "full-flux1": ("taef1", 16)}  # by whose latents, and their channels
CHANNELS = (128, 256, 512, 512)
SIDE = 128  # pixels a side of what they are trained on


@dataclass(frozen=True)
class Source:
    """An autoencoder, as it is or with another decoder.

    Attributes:
        name: of the autoencoder, which leaving one out goes by.
        variant: "own", "surrogate", "full", or "tuned-1" and so on.
        autoencoder: with the common interface; its decoder is not used where there is another.
        decoder: latents to images in [-1, 1], instead of the autoencoder's.
    """

    name: str
    variant: str
    autoencoder: Autoencoder
    decoder: torch.nn.Module | None = None

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of latents, not clamped."""
        if self.decoder is None:
            return self.autoencoder.decode(latents)
        return (self.decoder(latents).float() + 1) / 2


def autoencoders(folder: Path) -> list[Autoencoder]:
    """Every bundled autoencoder and every one in a folder of diffusers layouts, in the order of their names."""
    found = {}
    for parent in (common.MINIS, folder):
        for path in sorted(parent.iterdir()):
            if (path / registry.WEIGHTS).exists() or (path / "vae").is_dir():
                found[path.name] = path
    return [_in_32_bit(checkpoint.from_folder(path, name)) for name, path in sorted(found.items())]


def _in_32_bit(autoencoder: Autoencoder) -> Autoencoder:
    autoencoder.model.float()
    return autoencoder


def surrogates() -> list[tuple[str, Autoencoder]]:
    """The bundled surrogates, each with the name of the tiny autoencoder that it began as."""
    began = {"sd": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}
    parent = common.MINIS.parent / "surrogates"
    return [(name, _in_32_bit(checkpoint.from_folder(parent / path, path))) for path, name in began.items()]


def tuned(autoencoder: Autoencoder, images: torch.Tensor, seed: int, steps: int = 25) -> Autoencoder:
    """The autoencoder with noise on its decoder's weights, trained again for a few steps from a random layer on.

    It still draws what it is given, but its finest traces are another decoder's.

    Args:
        autoencoder: what to start from; not changed.
        images: (n, 3, side, side) in [0, 1] to train on.
        seed: of noise, layers and crops.
        steps: of training.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = copy.deepcopy(autoencoder.model)
    decoder = [p for name, p in model.named_parameters() if name.startswith(("decoder", "post_quant_conv"))]
    decoder = decoder[int(rng.integers(len(decoder) // 2)) :]
    noise = float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
    for parameter in decoder:
        parameter.data += noise * parameter.std(unbiased=False) * torch.randn_like(parameter)
        parameter.requires_grad_(True)
    changed = replace(autoencoder, model=model)
    optimiser = torch.optim.Adam(decoder, lr=1e-3)
    for _ in range(steps):
        top, left = rng.integers(images.shape[-1] - 64, size=2)
        crops = images[rng.integers(len(images), size=4), :, top : top + 64, left : left + 64].to(changed.device)
        with common.autocast(changed.device.type):
            with torch.no_grad():
                latents = autoencoder.encode(crops)
            drawn = changed.decode(latents)
        optimiser.zero_grad()
        ((drawn - crops).abs().mean() + 2 * (drawn - crops).square().mean()).backward()
        optimiser.step()
    model.eval().requires_grad_(False)
    return changed


def sources(folder: Path, images: torch.Tensor, device: str, variants: int = 2) -> list[Source]:
    """All autoencoders, each as it is and `variants` times tuned, and the surrogates, on a device."""
    result = []
    for place, autoencoder in enumerate(autoencoders(folder)):
        autoencoder.model.to(device)
        result.append(Source(autoencoder.family, "own", autoencoder))
        for variant in range(1, variants + 1):
            changed = tuned(autoencoder, images, seed=100 * variant + place)
            result.append(Source(autoencoder.family, f"tuned-{variant}", changed))
    for name, autoencoder in surrogates():
        autoencoder.model.to(device)
        result.append(Source(name, "surrogate", autoencoder))
    return result


def full_decoder(channels: int) -> torch.nn.Module:
    """A decoder of full size, untrained."""
    from diffusers.models.autoencoders.vae import Decoder

    blocks = ("UpDecoderBlock2D",) * len(CHANNELS)
    model = Decoder(in_channels=channels, up_block_types=blocks, block_out_channels=CHANNELS, layers_per_block=2)
    return model.to(memory_format=torch.channels_last)


def full(available: list[Source], device: str) -> list[Source]:
    """The decoders of full size that are stored so far."""
    own = {each.name: each.autoencoder for each in available if each.variant == "own"}
    result = []
    for name, (teacher, channels) in FULL.items():
        if (FOLDER / f"{name}.pt").exists() and teacher in own:
            model = full_decoder(channels).to(device).eval().requires_grad_(False)
            state = torch.load(FOLDER / f"{name}.pt", weights_only=True, map_location=device)
            model.load_state_dict({key: value.float() for key, value in state.items()})
            result.append(Source(teacher, "full", own[teacher], model))
    return result


@torch.no_grad()
def reconstruct(source: Source, pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Pictures through an autoencoder, with the variety that generators have.

    Mostly in 16 bit where the device has it. The latents are the mean, a little or clearly disturbed cell by cell, or
    disturbed in patches; sometimes the picture goes through twice, as when one is edited.

    Args:
        source: which autoencoder.
        pictures: uint8 (n, 3, side, side), on its device.
        rng: of all choices.

    Returns:
        uint8, of the same shape.
    """
    drawn = pictures.float() / 255
    with common.autocast(pictures.device.type, rng.random() < 0.7):
        for _ in range(2 if rng.random() < 0.15 else 1):
            latents = source.autoencoder.encode(drawn).float()
            kind, noise = rng.random(), torch.randn_like(latents)
            if kind < 0.35:
                latents = latents + noise * latents.std() * rng.uniform(0.01, 0.12)
            elif kind < 0.5:
                noise = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 3
                latents = latents + noise * latents.std() * rng.uniform(0.03, 0.2)
            drawn = source.decode(latents).float().clamp(0, 1)
    return (drawn * 255).round().byte()


def train(photos: Path, art: Path, folder: Path, minutes: float, workers: int) -> None:
    """Train the decoders of full size in turn, and store them in 16 bit twice a minute."""
    device = common.device_at_hand()
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    teachers = {each.family: each for each in autoencoders(folder)}
    models, optimisers = {}, {}
    for name, (teacher, channels) in FULL.items():
        teachers[teacher].model.to(device)
        models[name] = full_decoder(channels).to(device)
        optimisers[name] = torch.optim.AdamW(models[name].parameters(), lr=3e-4, betas=(0.9, 0.98), weight_decay=0.0)
    batches = iter(DataLoader(Originals(photos, art, 8, seed=1), batch_size=None, num_workers=workers))
    began, stored, step = time.monotonic(), 0.0, 0
    while (spent := time.monotonic() - began) < minutes * 60:
        crops = next(batches).to(device).float() / 255
        crops = torch.cat([crops[:, :, top : top + SIDE, left : left + SIDE] for top in (0, 144) for left in (0, 144)])
        for name, (teacher, _) in FULL.items():
            for group in optimisers[name].param_groups:
                group["lr"] = 3e-4 * min(1, (step + 1) / 50) * (1.05 - spent / (minutes * 60))
            with common.autocast(device):
                with torch.no_grad():
                    latents = teachers[teacher].encode(crops)
                drawn = (models[name](latents).float() + 1) / 2
            error = drawn - crops
            slopes = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
            optimisers[name].zero_grad()
            (error.abs().mean() + slopes).backward()
            torch.nn.utils.clip_grad_norm_(models[name].parameters(), 1.0)
            optimisers[name].step()
            if step % 100 == 0:
                decibel = -10 * error.square().mean().log10().item()
                print(f"{name}: step {step}, {spent:.0f} s, {decibel:.1f} dB", flush=True)
        step += 1
        if time.monotonic() - began - stored > 30:
            stored = time.monotonic() - began
            _store(models)
    _store(models)


def _store(models: dict[str, torch.nn.Module]) -> None:
    for name, model in models.items():
        new = FOLDER / f"{name}.new"
        torch.save({key: value.half() for key, value in model.state_dict().items()}, new)
        new.replace(FOLDER / f"{name}.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of autoencoders in diffusers layout")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw crops")
    arguments = parser.parse_args()
    train(arguments.photos, arguments.real, arguments.weights, arguments.minutes, arguments.workers)


if __name__ == "__main__":
    main()
