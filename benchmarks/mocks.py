"""What happens to pictures on their way, as visitors bring them, and pictures that need no collection."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from tracer.image import perturbations

LANCZOS = Image.Resampling.LANCZOS


def png(pixels: np.ndarray) -> bytes:
    """A lossless file."""
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def smaller(pixels: np.ndarray) -> np.ndarray:
    """At the scale at which a drawing of 1024 px has 720."""
    return perturbations.scale(pixels, 720 / 1024, LANCZOS)


def post(pixels: np.ndarray, factor: float) -> np.ndarray:
    """A mock social post as a screen shows it: a name, a line of text, the picture as the network recompressed it."""
    picture = Image.fromarray(perturbations.jpeg(pixels, 85))
    width = picture.width + 32
    screen = Image.new("RGB", (width, picture.height + 150), (255, 255, 255))
    draw = ImageDraw.Draw(screen)
    draw.ellipse((16, 14, 56, 54), fill=(90, 120, 200))
    draw.text((68, 18), "Somebody", fill=(15, 20, 25))
    draw.text((68, 36), "@somebody, 2 h", fill=(83, 100, 113))
    draw.text((16, 66), "Look what I found this morning.", fill=(15, 20, 25))
    screen.paste(picture, (16, 90))
    for place, said in enumerate(("12 replies", "40 reposts", "218 likes")):
        draw.text((16 + place * 110, picture.height + 110), said, fill=(83, 100, 113))
    shown = np.asarray(screen)
    return shown if factor == 1 else perturbations.scale(shown, factor, LANCZOS)


def messenger(pixels: np.ndarray) -> bytes:
    """What a messenger makes of a picture that was a JPEG before: smaller, and compressed again."""
    return perturbations.jpeg_file(perturbations.scale(perturbations.jpeg(pixels, 90), 0.8, LANCZOS), 72)


def night(pixels: np.ndarray) -> bytes:
    """A dark scene with a sensor's noise."""
    return perturbations.jpeg_file(perturbations.noise(perturbations.brighten(pixels, 0.3), 4, 0), 90)


def retouched(pixels: np.ndarray) -> bytes:
    """More colour and contrast, and a part that was smoothed."""
    picture = ImageEnhance.Contrast(ImageEnhance.Color(Image.fromarray(pixels)).enhance(1.3)).enhance(1.15)
    changed = np.asarray(picture).copy()
    high, wide = (length // 4 for length in changed.shape[:2])
    changed[high : 2 * high, wide : 2 * wide] = perturbations.blur(changed[high : 2 * high, wide : 2 * wide], 1.5)
    return perturbations.jpeg_file(changed, 92)


def pixel_art(pixels: np.ndarray) -> np.ndarray:
    """A picture in few colours and large squares."""
    small = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BOX).quantize(24).convert("RGB")
    return np.asarray(small.resize((512, 512), Image.Resampling.NEAREST))


def interface() -> np.ndarray:
    """A settings window with text."""
    screen = Image.new("RGB", (640, 480), (243, 243, 246))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 640, 36), fill=(52, 58, 70))
    draw.text((14, 12), "Settings", fill=(255, 255, 255))
    for row, name in enumerate(("Account", "Notifications", "Privacy", "Language", "Storage", "About this device")):
        top = 56 + row * 66
        draw.rounded_rectangle((20, top, 620, top + 54), 8, fill=(255, 255, 255), outline=(214, 214, 220))
        draw.text((36, top + 12), name, fill=(25, 25, 30))
        draw.text((36, top + 30), f"Change how {name.lower()} works", fill=(110, 110, 120))
        draw.ellipse((580, top + 17, 600, top + 37), fill=(60, 120, 210))
    return np.asarray(screen)


def text() -> np.ndarray:
    """A page of text."""
    sheet = Image.new("RGB", (640, 640), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    rng = np.random.default_rng(0)
    for line in range(40):
        words = ("".join(chr(97 + letter) for letter in rng.integers(0, 26, rng.integers(2, 9))) for _ in range(14))
        draw.text((24, 16 + line * 15), " ".join(words)[:92], fill=(0, 0, 0))
    return np.asarray(sheet)
