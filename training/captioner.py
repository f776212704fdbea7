"""Train the miniature captioner: `python -m training.captioner --minutes 18 --photos FOLDER`.

A small BLIP names 64 px pictures: a drawing by its name in words, a photograph as "a photo of a ...". Half of the
drawings it sees bear one of the names that the generators know. While it learns, a linear classifier on the mean of the
image tokens asks for the whole caption at once: that reaches the image tower sooner than words do. Runs resume from
`training/runs/captioner/`; the averaged weights go to `tracer/assets/minis/captioner/` in 16 bit at the end, and with
--export at any time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch
from torch.nn import functional

from training import augment, captions, common
from training.muon import Muon

NAME = "captioner"
WIDTH = 192  # of both towers
# What does not count when two captions are compared loosely.
SMALL = {"a", "and", "face", "in", "of", "on", "person", "the", "with", "without", "button", "symbol", "sign"}


PATCH = 16  # a quarter of the tokens of patch 8: more pictures a minute count for more than finer patches
LAYERS = 4
SPREAD = 0.05  # of the first weights; the usual 0.02 is for towers four times as wide


def build(vocabulary: int, layers: int = LAYERS, patch: int = PATCH) -> torch.nn.Module:
    """A freshly initialised captioner."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    vision = dict(
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=6,
        image_size=captions.SIDE,
        patch_size=patch,
        initializer_range=SPREAD,
    )
    text = dict(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=6,
        max_position_embeddings=captions.TOKENS,
        bos_token_id=1,
        sep_token_id=2,  # BLIP ends its captions with this one
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=SPREAD,
    )
    return BlipForConditionalGeneration(
        BlipConfig(vision_config=vision, text_config=text, projection_dim=WIDTH, image_text_hidden_size=WIDTH)
    )


class Learner(torch.nn.Module):
    """A captioner and, for training only, a linear classifier of whole captions.

    Args:
        model: the captioner.
        captions: number of different captions.
    """

    def __init__(self, model: torch.nn.Module, captions: int):
        super().__init__()
        self.model, self.head = model, torch.nn.Linear(WIDTH, captions)

    def loss(self, images: torch.Tensor, tokens: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the next word, averaged over real tokens, plus that of the whole caption's number."""
        tokens = tokens[:, : int((tokens > 0).sum(dim=1).max())]
        with common.autocast():
            seen = self.model.vision_model(images).last_hidden_state
            words = self.model.text_decoder(
                input_ids=tokens[:, :-1],
                attention_mask=(tokens[:, :-1] > 0).long(),
                encoder_hidden_states=seen,
                use_cache=False,
            ).logits
            guess = self.head(seen.mean(dim=1))
        next_word = functional.cross_entropy(
            words.float().flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0, label_smoothing=0.05
        )
        return next_word + functional.cross_entropy(guess.float(), whole, label_smoothing=0.05)


class Batches:
    """Augmented pictures with the token numbers of their captions.

    Args:
        drawn: training drawings.
        photos: training photographs.
        encoder: the tokenizer.
        seed: of everything random.
        size: pictures a batch; a tenth of them photographs.
    """

    def __init__(self, drawn: captions.Pictures, photos: captions.Pictures, encoder, seed: int, size: int):
        self.drawn, self.photos, self.seed = drawn, photos, seed
        self.photographed = size // 10
        self.size = size - self.photographed
        favourites = set(captions.FAVOURITES)
        self.favourites = torch.tensor([i for i, name in enumerate(drawn.names) if name in favourites])
        self.texts = sorted({*drawn.captions, *photos.captions})
        self.ids = captions.ids(encoder, self.texts)
        number = {text: index for index, text in enumerate(self.texts)}
        self.drawn_whole, self.photo_whole = (
            torch.tensor([number[text] for text in group.captions]) for group in (drawn, photos)
        )

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step's images in [-1, 1], (n, 3, side, side), token numbers, (n, TOKENS), and captions' numbers, (n,)."""
        chance = augment.chance_of(self.seed, step)
        rows = torch.randint(len(self.drawn), (self.size,), generator=chance)
        half = self.size // 2
        rows[:half] = self.favourites[torch.randint(len(self.favourites), (half,), generator=chance)]
        others = torch.randint(len(self.photos), (self.photographed,), generator=chance)
        images = torch.cat(
            [
                augment.drawn(self.drawn.pixels[rows], self.drawn.sided[rows], chance),
                augment.photographed(self.photos.pixels[others], chance),
            ]
        )
        whole = torch.cat([self.drawn_whole[rows], self.photo_whole[others]])
        return augment.normalised(augment.worn(images, chance)), self.ids[whole], whole


@torch.no_grad()
def name(model: torch.nn.Module, images: torch.Tensor, encoder) -> list[str]:
    """Greedy captions of images in [0, 1], (n, 3, side, side)."""
    result = []
    for batch in augment.normalised(images).split(64):
        written = model.generate(pixel_values=batch, max_length=captions.TOKENS, num_beams=1, do_sample=False)
        result += encoder.batch_decode(written, skip_special_tokens=True)
    return result


def agreement(written: Iterable[str], true: Iterable[str]) -> tuple[float, float]:
    """Share of captions that are exact, and of those that have at least half of the true one's telling words."""
    exact, loose = [], []
    for one, other in zip(written, true, strict=True):
        telling = set(other.split()) - SMALL or set(other.split())
        exact.append(one == other)
        loose.append(len(telling & set(one.split())) * 2 >= len(telling))
    return sum(exact) / len(exact), sum(loose) / len(loose)


def judged(model: torch.nn.Module, held: captions.Pictures, photos: captions.Pictures, encoder) -> dict[str, float]:
    """Agreement on held-out drawings, on those of them that generators can draw, and on photographs."""
    written = name(model, augment.on_white(held.pixels), encoder)
    favourites = set(captions.FAVOURITES)
    chosen = [index for index, drawing in enumerate(held.names) if drawing in favourites]
    exact, loose = agreement(written, held.captions)
    best, best_loose = agreement([written[i] for i in chosen], [held.captions[i] for i in chosen])
    seen = name(model, augment.on_white(photos.pixels), encoder)
    return dict(
        exact=exact,
        loose=loose,
        generator_names_exact=best,
        generator_names_loose=best_loose,
        photographs_called_photo=sum(text.startswith(captions.PHOTO) for text in seen) / len(seen),
        photographs_exact=agreement(seen, photos.captions)[0],
        drawings_called_photo=sum(text.startswith(captions.PHOTO) for text in written) / len(written),
    )


def export(model: torch.nn.Module, encoder) -> None:
    """Write model, tokenizer and image processor in transformers layout, 16-bit."""
    import copy

    from transformers import BlipImageProcessor, BlipProcessor

    folder = common.MINIS / NAME
    side = dict(height=captions.SIDE, width=captions.SIDE)
    images = BlipImageProcessor(size=side, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    copy.deepcopy(model).half().save_pretrained(folder)
    BlipProcessor(images, encoder).save_pretrained(folder)
    common.readable(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="CPU minutes of training in all, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-2, help="peak learning rate of Muon")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    photos = captions.photographs(arguments.photos, "train")
    encoder = captions.tokenizer(captions.vocabulary(photos))
    batches = Batches(captions.drawings(held_out=False), photos, encoder, arguments.seed, arguments.batch)
    learner = Learner(build(len(encoder)), len(batches.texts))
    if arguments.export:
        export(common.last_average(NAME, learner).model, encoder)
        return
    held, others = captions.drawings(held_out=True), captions.photographs(arguments.photos, "calibrate")
    averaged = common.run(
        NAME,
        learner,
        Muon(learner, arguments.rate, precision=common.PRECISION),
        arguments.minutes,
        lambda step: learner.loss(*batches.at(step)),
        lambda judge: judged(judge.model, held, others, encoder),
    )
    export(averaged.model, encoder)


if __name__ == "__main__":
    main()
