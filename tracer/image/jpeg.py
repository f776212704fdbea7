"""What the quantisation tables of a JPEG say: its luminance table, and the quality that it was saved with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image

# The luminance table of the JPEG standard (ITU-T T.81, table K.1), row by row.
_LUMINANCE = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17]
_LUMINANCE += [22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78]
_LUMINANCE += [87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99]


def _quantisation(image: Image.Image) -> list[int] | None:
    """The table of a JPEG's first component."""
    return image.quantization.get(image.layer[0][3]) if image.layer else None  # layer: (id, sampling, sampling, table)


def luminance_table(image: Image.Image) -> np.ndarray | None:
    """The luminance table, where the first component is luminance."""
    table = _quantisation(image)
    stored_as_rgb = image.mode == "RGB" and image.info.get("adobe_transform") == 0
    if table is None or len(table) != 64 or image.mode not in ("RGB", "L") or stored_as_rgb:
        return None
    return np.array(table, np.float32)


def turned(table: np.ndarray, before: Image.Image, after: Image.Image) -> np.ndarray | None:
    """The table of a turned picture, or None where its blocks no longer begin in the upper left corner."""
    if any(length % 8 for length in after.size):
        return None
    way = before.getexif().get(ExifTags.Base.Orientation)
    return table.reshape(8, 8).T.ravel() if way in (5, 6, 7, 8) else table


def quality(image: Image.Image) -> int | None:
    """The IJG quality whose scaled standard table is nearest to this JPEG's table for luminance."""
    table = _quantisation(image)
    return None if table is None else nearest_quality(range(len(table)), table)


def nearest_quality(places: Sequence[int], steps: Sequence[int] | np.ndarray) -> int:
    """The IJG quality whose scaled standard table has about these steps at these places, row by row."""
    qualities = np.arange(1, 101)
    scales = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    scaled = ((scales[:, None] * np.array(_LUMINANCE)[list(places)] + 50) // 100).clip(1, 255)
    return int(qualities[np.abs(scaled - np.array(steps)).sum(axis=1).argmin()])
