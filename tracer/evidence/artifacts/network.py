"""The network that looks for the marks of an autoencoder, in two parts that vote.

*Periodic marks.* A decoder enlarges its latent by factors of two. Each time, every pixel is drawn by a rule that
repeats over the grid, and a faint pattern with the periods 8, 4 and 2 stays in the finest detail: peaks at multiples of
1/8 cycle per pixel (Odena et al., 2016; Zhang et al., arXiv 1907.06515). They are far too weak to see in one place, so
they are added up over a window before anything is decided, and measured against their neighbours in the spectrum.
JPEG has a grid of 8 pixels too, but leaves other peaks; which ones speak for a decoder is learned.

*Texture.* A small convolutional network sees what is not periodic: how edges and fine detail are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

PERIOD = 8
WINDOW = 160  # pixels over which marks are added up; smaller images are one smaller window
REACH, GUARD = 7, 2  # bins around a peak that it is measured against, without those that the taper smears it over
FREQUENCIES = tuple(
    (down, right)
    for down in range(5)
    for right in range(8)
    if (down, right) != (0, 0) and not (down % 4 == 0 < right - 4)
)  # in eighths of a cycle per pixel; the others mirror them
CLASSES = tuple(sorted({(min(down, 8 - down), min(right, 8 - right)) for down, right in FREQUENCIES}))
CHANNELS, KINDS = 3, 5  # brightness and two of colour; two kinds of detail and three of its strength


@dataclass(frozen=True)
class Architecture:
    """What the network looks like; kept beside its weights.

    Attributes:
        hidden: neurons of the part that judges periodic marks.
        body: of the part that judges texture: "plain", or "lite0": the first stages of EfficientNet-Lite0 (timm), its
            stem at full resolution; "none" for periodic marks alone.
        inputs: of texture: "rgb", "residual" (an image minus its blurred self) or "both", of values centred on zero.
        width: channels of the plain body's first stage.
        stages: of lite0, how many of seven.
    """

    hidden: int = 64
    body: str = "lite0"
    inputs: str = "both"
    width: int = 32
    stages: int = 5


class Detector(nn.Module):
    """Images (n, 3, height, width) in [0, 1] to logits (n,): large where an autoencoder was involved.

    Sides are at least 64 pixels.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.marks = Marks(architecture.hidden)
        self.texture = Texture(architecture) if architecture.body != "none" else None
        self.mix = nn.Parameter(torch.tensor([1.0, 1.0, 0.0]))  # of marks, texture, and a constant

    def parts(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of the two parts, (n, 2)."""
        marks = self.marks(images)
        return torch.stack([marks, self.texture(images) if self.texture else torch.zeros_like(marks)], dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images."""
        return self.parts(images) @ self.mix[:2] + self.mix[2]


class Marks(nn.Module):
    """Images to logits by their periodic marks: the mean over windows, which overlap where they have to."""

    def __init__(self, hidden: int):
        super().__init__()
        count = len(CLASSES) * CHANNELS * KINDS
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("deviation", torch.ones(count))
        self.judge = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(count, hidden), nn.ReLU(), nn.Dropout(0.4), nn.Linear(hidden, 1)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n,) of images (n, 3, height, width) in [0, 1]."""
        logits = [self.of(peaks(window)) for window in windows(images)]
        return torch.stack(logits).mean(dim=0)

    def of(self, found: torch.Tensor) -> torch.Tensor:
        """Logits (n,) of measured peaks (n, features)."""
        return self.judge(((found - self.mean) / self.deviation).clamp(-4, 4))[:, 0]


def windows(images: torch.Tensor) -> list[torch.Tensor]:
    """Square parts of images, of 160 pixels or of the largest multiple of 8 that fits, that cover nearly everything."""
    height, width = images.shape[2:]
    side = min(WINDOW, height // PERIOD * PERIOD, width // PERIOD * PERIOD)
    starts = []
    for length in (height, width):
        count = -(-length // side)
        starts.append([round(place * (length - side) / max(count - 1, 1)) for place in range(count)])
    return [images[:, :, top : top + side, left : left + side] for top in starts[0] for left in starts[1]]


def peaks(images: torch.Tensor) -> torch.Tensor:
    """How far the frequencies of the 8-pixel grid stand out from their surroundings in an image's finest detail.

    Args:
        images: (n, 3, side, side) in [0, 1], side a multiple of 8.

    Returns:
        (n, features): log ratios of power, for every class of frequencies, channel and kind of detail. Shifting the
        image changes nothing; only the classes tell rows from columns.
    """
    maps = details(images)
    side = images.shape[-1]
    taper = torch.hann_window(side, periodic=False)
    power = torch.fft.fft2(maps * (taper[:, None] * taper)).abs().square()
    offsets = torch.arange(-REACH, REACH + 1)
    around = (offsets[:, None].abs() > GUARD) | (offsets.abs() > GUARD)
    places = torch.tensor(FREQUENCIES) * side // PERIOD
    rows = (places[:, 0, None] + offsets)[:, :, None] % side
    columns = (places[:, 1, None] + offsets)[:, None, :] % side
    near = power[:, :, rows, columns]  # (n, maps, frequencies, bins, bins)
    peak, ground = near[..., REACH, REACH], near[..., around].mean(dim=-1)
    result = []
    for one in CLASSES:
        same = [i for i, (down, right) in enumerate(FREQUENCIES) if (min(down, 8 - down), min(right, 8 - right)) == one]
        ratio = (peak[..., same].mean(dim=-1) + 1e-9) / (ground[..., same].mean(dim=-1) + 1e-9)
        result.append((ratio + 0.05).log())
    return torch.cat(result, dim=1)


def details(images: torch.Tensor) -> torch.Tensor:
    """Maps of the finest detail, (n, 15, side, side), each around its local mean.

    Per channel two kinds of detail, divided by how much of it there is nearby so that no edge outweighs the rest, and
    the logarithm of the strength of three kinds, whose rhythm gives interpolation away.
    """
    red, green, blue = (images * 255).unbind(dim=1)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    maps = []
    for channel in (brightness, blue - brightness, red - brightness):
        across = 2 * channel - channel.roll(1, 2) - channel.roll(-1, 2)
        down = 2 * channel - channel.roll(1, 1) - channel.roll(-1, 1)
        corner = channel - channel.roll(1, 2) - channel.roll(1, 1) + channel.roll((1, 1), (1, 2))
        signed = torch.stack([across + down, corner], dim=1)
        signed = signed - _smooth(signed, 17)
        signed = signed / (_smooth(signed.square(), 9).sqrt() + 1)
        strength = torch.stack([across, down, corner], dim=1).abs().log1p()
        maps += [signed, strength - _smooth(strength, 17)]
    return torch.cat(maps, dim=1)


def _smooth(maps: torch.Tensor, size: int) -> torch.Tensor:
    """Means over squares, at the edges over what there is of them: along rows and then, turned over, along columns."""
    for _ in range(2):
        maps = functional.avg_pool2d(maps, (1, size), stride=1, padding=(0, size // 2), count_include_pad=False)
        maps = maps.transpose(2, 3).contiguous()  # pooling along columns would take three times as long
    return maps


class Texture(nn.Module):
    """Images to logits by texture: the mean of the logits of places, eight pixels apart."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.inputs = architecture.inputs
        channels = {"rgb": 3, "residual": 3, "both": 6}[architecture.inputs]
        if architecture.body == "lite0":
            self.body, last = lite0(architecture.stages, channels)
        else:
            self.body, last = plain(architecture.width, channels)
        self.head = nn.Conv2d(last, 1, 1)
        binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("blur", (binomial[:, None] * binomial).expand(3, 1, 5, 5).clone(), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n,) of images (n, 3, height, width) in [0, 1]."""
        inputs = []
        if self.inputs != "residual":
            inputs.append(images * 2 - 1)
        if self.inputs != "rgb":
            padded = functional.pad(images, (2, 2, 2, 2), mode="reflect")
            inputs.append((images - functional.conv2d(padded, self.blur, groups=3)) * 16)
        stacked = torch.cat(inputs, dim=1).contiguous(memory_format=torch.channels_last)
        return self.head(self.body(stacked))[:, 0].float().mean(dim=(1, 2))


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
