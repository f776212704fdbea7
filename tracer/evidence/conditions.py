"""The condition under which a picture is judged: what was done to it is done to the images that it is compared with."""

from __future__ import annotations

LOSSLESS = "lossless"
JPEG_LEVELS = (95, 85, 70, 50)  # qualities with thresholds of their own


def condition_of(lossy: bool, jpeg_quality: int | None) -> str | None:
    """The condition under which an image's scores are to be judged, or None where there is no threshold for it.

    Belonging images score worse after compression, so a JPEG is compared with belonging images saved at the same
    quality or the next lower one that was calibrated.
    """
    if not lossy:
        return LOSSLESS
    if jpeg_quality is None:
        return None
    return next((f"jpeg-{level}" for level in JPEG_LEVELS if jpeg_quality >= level), None)
