"""A phase reader: what repeats on a grid of 8 pixels, in features that are learned.

The other design for the detector, trained beside its texture part on the same batches (`training.detector`). A stack of
convolutions that never changes the resolution, so that moving a picture only moves its features. Each feature is
averaged over all cells of the grid, pixel by pixel of the cell: what the contents do cancels with the number of cells,
what a decoder does stays. Two things are learned from these 8 x 8 means:

- whether a decoder drew the picture, from the powers of their frequencies, which do not tell where the grid begins;
- where the grid begins, from one feature's means. A shift is a free label that contents cannot tell.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tracer.evidence.artifacts.network import CLASSES, FREQUENCIES, PERIOD

WIDTH, FEATURES, HIDDEN = 32, 24, 96
DILATIONS = (1, 1, 2, 2, 4)  # of the blocks of convolutions: in all, a place sees 43 pixels
GROUPS = [
    [(down, right) for down, right in FREQUENCIES if (min(down, 8 - down), min(right, 8 - right)) == one]
    for one in CLASSES
]


class Phases(nn.Module):
    """Images (n, 3, height, width) in [0, 1] to logits (n,): large where an autoencoder was involved."""

    def __init__(self) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("blur", (binomial[:, None] * binomial).expand(3, 1, 5, 5).clone(), persistent=False)
        first = nn.Sequential(nn.Conv2d(6, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU())
        self.body = nn.Sequential(first, *map(_Block, DILATIONS), nn.Conv2d(WIDTH, FEATURES, 1))
        count = FEATURES * len(GROUPS)
        hidden = nn.Sequential(nn.Dropout(0.1), nn.Linear(count, HIDDEN), nn.ReLU())
        self.judge = nn.Sequential(nn.BatchNorm1d(count, affine=False), hidden, nn.Dropout(0.2), nn.Linear(HIDDEN, 1))
        self.sharpness = nn.Parameter(torch.tensor(0.1))  # of what is said about where the grid begins

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images."""
        return self.of(self.folded(images))

    def folded(self, images: torch.Tensor) -> torch.Tensor:
        """Mean features of the grid's cells, (n, features, 8, 8), in units of what chance would leave of them."""
        padded = functional.pad(images, (2, 2, 2, 2), mode="reflect")
        finest = (images - functional.conv2d(padded, self.blur, groups=3)) * 16
        inputs = torch.cat([images * 2 - 1, finest], dim=1).contiguous(memory_format=torch.channels_last)
        rows, columns = (length // PERIOD for length in images.shape[2:])
        maps = self.body(inputs)[:, :, : rows * PERIOD, : columns * PERIOD].float()
        maps = torch.tanh(maps - maps.mean(dim=(2, 3), keepdim=True))  # no edge counts for more than a cell's worth
        maps = maps - maps.mean(dim=(2, 3), keepdim=True)
        cells = maps.reshape(*maps.shape[:2], rows, PERIOD, columns, PERIOD).mean(dim=(2, 4))
        return cells * (rows * columns) ** 0.5 / (maps.square().mean(dim=(2, 3), keepdim=True).sqrt() + 1e-3)

    def of(self, folded: torch.Tensor) -> torch.Tensor:
        """Logits (n,) of mean features."""
        power = torch.fft.fft2(folded).abs().square() / PERIOD**2
        found = [sum(power[..., down, right] for down, right in same) / len(same) for same in GROUPS]
        return self.judge((torch.stack(found, dim=-1) + 0.1).log().flatten(1))[:, 0]

    def begins(self, folded: torch.Tensor) -> torch.Tensor:
        """Logits (n, 64) of where the grid begins, at 8 * row + column."""
        return folded[:, 0].flatten(1) * self.sharpness


class _Block(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, dilation: int):
        super().__init__()
        options = dict(kernel_size=3, padding=dilation, dilation=dilation, bias=False)
        first = (nn.Conv2d(WIDTH, WIDTH, **options), nn.BatchNorm2d(WIDTH), nn.ReLU())
        self.layers = nn.Sequential(*first, nn.Conv2d(WIDTH, WIDTH, **options), nn.BatchNorm2d(WIDTH))
        nn.init.zeros_(self.layers[-1].weight)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return functional.relu(inputs + self.layers(inputs))
