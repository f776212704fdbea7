"""Why a verdict is what it is, as data."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a verdict is what it is: one member for every situation that has words of its own."""

    # inversion
    ONE_FAMILY_FITS = "one-family-fits"
    NO_FAMILY_FITS = "no-family-fits"
    SEVERAL_FAMILIES_OPEN = "several-families-open"
    NOTHING_INSPECTED = "nothing-inspected"
    INSPECTION_STOPPED = "inspection-stopped"
    INVERSION_UNAVAILABLE = "inversion-unavailable"
    NO_FINE_DETAIL = "no-fine-detail"
    ANSWER_NOT_VISIBLE = "answer-not-visible"
    OWN_LATTICE = "own-lattice"
    # artifacts
    MARKS_FOUND = "marks-found"
    NO_MARKS = "no-marks"
    MARKS_OPEN = "marks-open"
    IMAGE_TOO_SMALL = "image-too-small"
    MARKS_LOST_IN_JPEG = "marks-lost-in-jpeg"
    FORMAT_WITHOUT_THRESHOLD = "format-without-threshold"
    NOWHERE_FOR_MARKS = "nowhere-for-marks"
    TOO_SMOOTH = "too-smooth"
    MARKS_RARELY_RECOGNISED = "marks-rarely-recognised"
    NO_MARKS_AFTER_COMPRESSION = "no-marks-after-compression"
    DETECTOR_NOT_CALIBRATED = "detector-not-calibrated"
    # regeneration
    DRAWN_MOST_ALIKE = "drawn-most-alike"
    NONE_DRAWS_ALIKE = "none-draws-alike"
    STOPPED_BEFORE_DRAWING = "stopped-before-drawing"
    DRAWING_STOPPED = "drawing-stopped"
    NOTHING_DRAWN = "nothing-drawn"
    MODELS_NOT_CALIBRATED = "models-not-calibrated"
    LEAD_NEEDS_A_MODEL = "lead-needs-a-model"
    LESS_ALIKE_THAN_USUAL = "less-alike-than-usual"
    SEVERAL_DRAW_ALIKE = "several-draw-alike"
    LEAD_BY_CHANCE = "lead-by-chance"
    # inversion and regeneration
    MODEL_OF_FAMILY = "model-of-family"
    ONLY_MODEL_OF_FAMILY = "only-model-of-family"
    FAMILY_AGAINST_MODEL = "family-against-model"
    FAMILY_WITHOUT_MODEL = "family-without-model"
    MODELS_OF_FAMILY_OPEN = "models-of-family-open"
    ONLY_MODEL_UNCONFIRMED = "only-model-unconfirmed"
    FAMILY_NOT_DRAWN = "family-not-drawn"
    NONE_REPRODUCES = "none-reproduces"
    LIKENESS_OF_STYLE = "likeness-of-style"
    OPEN_AND_NONE_DRAWS_ALIKE = "open-and-none-draws-alike"
    OPEN_AND_DRAWING_OPEN = "open-and-drawing-open"
    OPEN_FAMILIES_AGAINST_MODEL = "open-families-against-model"
    MODEL_OF_OPEN_FAMILIES = "model-of-open-families"
    MODEL_WITHOUT_INVERSION = "model-without-inversion"
    INVERSION_NOT_ASKED = "inversion-not-asked"
    # with artifacts
    NAMED_WITHOUT_MARKS = "named-without-marks"
    ANOTHER_AUTOENCODER = "another-autoencoder"
    NONE_AND_NO_MARKS = "none-and-no-marks"
    TOO_LITTLE_BUT_MARKS = "too-little-but-marks"
    OPEN_WITHOUT_MARKS = "open-without-marks"
    NOTHING_ASKED = "nothing-asked"
    MARKS_ALONE = "marks-alone"
    NO_MARKS_SO_FAR = "no-marks-so-far"
    DETECTOR_ALONE_OPEN = "detector-alone-open"
