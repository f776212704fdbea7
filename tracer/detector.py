"""The network that looks for the marks of an autoencoder, and how its weights are read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Architecture:
    """What the network looks like; kept beside its weights.

    Attributes:
        body: "plain", or "lite0": the first stages of EfficientNet-Lite0 (timm), its stem at full resolution.
        inputs: "rgb", "residual" (an image minus its blurred self) or "both", of values centred on zero.
        width: channels of the plain body's first stage.
        stages: of lite0, how many of seven.
    """

    body: str = "plain"
    inputs: str = "both"
    width: int = 32
    stages: int = 4


class Detector(nn.Module):
    """Images (n, 3, height, width) in [0, 1] to logits (n,): large where an autoencoder was involved.

    The logit of an image is the mean of the logits of its places (`places`), so a map of the evidence costs nothing.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        channels = {"rgb": 3, "residual": 3, "both": 6}[architecture.inputs]
        if architecture.body == "lite0":
            self.body, last = lite0(architecture.stages, channels)
        else:
            self.body, last = plain(architecture.width, channels)
        self.head = nn.Conv2d(last, 1, 1)
        binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("blur", (binomial[:, None] * binomial).expand(3, 1, 5, 5).clone(), persistent=False)

    def places(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of places, (n, height / stride, width / stride)."""
        inputs = []
        if self.architecture.inputs != "residual":
            inputs.append(images * 2 - 1)
        if self.architecture.inputs != "rgb":
            padded = functional.pad(images, (2, 2, 2, 2), mode="reflect")
            inputs.append((images - functional.conv2d(padded, self.blur, groups=3)) * 16)
        stacked = torch.cat(inputs, dim=1).contiguous(memory_format=torch.channels_last)
        return self.head(self.body(stacked))[:, 0]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images."""
        return self.places(images).float().mean(dim=(1, 2))


def _layer(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _Block(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = _layer(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return functional.relu(inputs + self.second(self.first(inputs)))


def plain(width: int, channels: int) -> tuple[nn.Module, int]:
    """A small residual network of dense convolutions, total stride 8, and its number of output channels."""
    widths = (width, 2 * width, 3 * width, 5 * width)
    layers: list[nn.Module] = [_layer(channels, width), _layer(width, width)]
    for before, after, blocks in zip(widths, widths[1:], (1, 2, 2), strict=False):
        layers += [_layer(before, after, stride=2), *(_Block(after) for _ in range(blocks))]
    return nn.Sequential(*layers), widths[-1]


def lite0(stages: int, channels: int) -> tuple[nn.Module, int]:
    """The first stages of EfficientNet-Lite0 with a stem at full resolution, and their number of output channels."""
    import timm

    model = timm.create_model("efficientnet_lite0", pretrained=False)
    model.conv_stem.stride = (1, 1)
    if channels != 3:
        old = model.conv_stem
        model.conv_stem = nn.Conv2d(channels, old.out_channels, 3, 1, 1, bias=False)
    last = model.blocks[stages - 1][-1].bn3.num_features if stages > 1 else 16
    return nn.Sequential(model.conv_stem, model.bn1, *model.blocks[:stages]), last
