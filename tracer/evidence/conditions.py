"""Conditions: an image is compared with calibration images that went through the same compression."""

from __future__ import annotations

LOSSLESS = "lossless"
JPEG_LEVELS = (95, 85, 70, 50)  # qualities with thresholds of their own


def condition_of(lossy: bool, jpeg_quality: int | None) -> str | None:
    """The calibrated condition of a file.

    Compression lowers the scores of belonging images. So a JPEG is compared with images of the same quality, or of the
    next lower one that was calibrated.

    Args:
        lossy: whether saving may have changed the pixels.
        jpeg_quality: 1 to 100; None where the file is no JPEG.

    Returns:
        `LOSSLESS`, "jpeg-" and one of `JPEG_LEVELS`, or None where no condition was calibrated.
    """
    if not lossy:
        return LOSSLESS
    if jpeg_quality is None:
        return None
    return next((f"jpeg-{level}" for level in JPEG_LEVELS if jpeg_quality >= level), None)
