"""Draw a generator's contact sheet: `python -m training.sheet mini-dc-flat`: 24 prompts, fixed seeds."""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image

from training import sampling

PROMPTS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":", maxsplit=1)[0])
    parser.add_argument("generator")
    arguments = parser.parse_args()
    model = sampling.load(arguments.generator)
    prompts = [model.prompts[index * len(model.prompts) // PROMPTS] for index in range(PROMPTS)]
    drawn = [next(sampling.generate(model, prompt, [index])) for index, prompt in enumerate(prompts)]
    rows = [np.concatenate(drawn[start : start + 8], axis=1) for start in range(0, PROMPTS, 8)]
    path = sampling.folder_of(arguments.generator) / "sheet.png"
    Image.fromarray(np.concatenate(rows)).save(path, optimize=True)
    print(path.name, prompts)


if __name__ == "__main__":
    main()
