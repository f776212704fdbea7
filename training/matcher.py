"""Train the miniature image-text encoder: `python -m training.matcher --minutes 20 --photos FOLDER`.

A small CLIP of open_clip's: a ResNet for 64 px pictures and a transformer for captions. It has to know what is drawn
and in whose style, so a batch holds the same name from several sets, each drawing in two augmented views, and the loss
adds four questions about an image: which name, which name in which style, which style, and which other image shows
the same drawing. Runs resume from `training/runs/matcher/`; the averaged weights go to `tracer/assets/minis/matcher/`
in 16 bit at the end, and with --export at any time.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import torch
from torch.nn import functional

from training import augment, captions, common
from training.muon import Muon

NAME = "matcher"
PER_NAME = 3  # sets that a name is shown from in one batch
EXTRA = 32  # further names a batch's images are told from
CONFIG = dict(
    embed_dim=192,
    vision_cfg=dict(layers=[1, 2, 2, 1], width=20, head_width=32, image_size=captions.SIDE),
    text_cfg=dict(context_length=captions.TOKENS, width=128, heads=4, layers=2),
)


def build(vocabulary: int) -> torch.nn.Module:
    """A freshly initialised encoder, channels last."""
    import open_clip

    text = dict(CONFIG["text_cfg"], vocab_size=vocabulary, pool_type="eos", eos_id=2, pad_id=0)
    model = open_clip.CLIP(CONFIG["embed_dim"], CONFIG["vision_cfg"], text)
    return model.to(memory_format=torch.channels_last)


def optimiser(model: torch.nn.Module, rate: float) -> Muon:
    """Muon, but for embeddings and for the attention pool, whose large matrices would take half of every step."""
    plain = [value for name, value in model.named_parameters() if "embedding" in name or "attnpool" in name]
    return Muon(model, rate, adam_share=0.1, plain=plain, precision=common.PRECISION)


class Batches:
    """Two augmented views each of drawings that share names across sets, and of a few photographs.

    Args:
        drawn: training drawings.
        photos: training photographs.
        encoder: the tokenizer.
        seed: of everything random.
        named: names a batch, half of them such as the generators know.
        photographed: photographs a batch.
    """

    def __init__(
        self, drawn: captions.Pictures, photos: captions.Pictures, encoder, seed: int, named: int, photographed: int = 6
    ):
        self.drawn, self.photos, self.seed = drawn, photos, seed
        self.named, self.photographed = named, photographed
        self.rows = defaultdict(list)
        for row, name in enumerate(drawn.names):
            self.rows[name].append(row)
        self.names = [name for name in self.rows if name not in captions.FAVOURITES]
        self.favourites = [name for name in captions.FAVOURITES if name in self.rows]
        self.styles = [*captions.STYLES.values(), "a photo"]
        self.texts = sorted({*drawn.captions, *photos.captions})
        self.number = {text: index for index, text in enumerate(self.texts)}
        self.plain = captions.ids(encoder, self.texts)
        self.style_ids = captions.ids(encoder, self.styles)
        styled = [f"{style} {caption}" for style, caption in zip(drawn.styles, drawn.captions, strict=True)]
        self.styled = captions.ids(encoder, styled + list(photos.captions))

    def at(self, step: int) -> dict[str, torch.Tensor]:
        """One step's images and the captions that are true of them.

        Returns:
            `images` (2 n, 3, side, side) in [-1, 1], the second views after the first; `names` (m, TOKENS), captions
            without style, and `name` (n,), which of them is true; `styled` (n, TOKENS), one for each image; `styles`
            (6, TOKENS) and `style` (n,).
        """
        chance = augment.chance_of(self.seed, step)
        rows = self._chosen(chance)
        others = torch.randperm(len(self.photos), generator=chance)[: self.photographed]
        views = []
        for _ in range(2):
            moved = augment.drawn(self.drawn.pixels[rows], self.drawn.sided[rows], chance)
            cropped = augment.photographed(self.photos.pixels[others], chance)
            views.append(augment.worn(torch.cat([moved, cropped]), chance))
        true = [self.drawn.captions[row] for row in rows] + [self.photos.captions[row] for row in others]
        styles = [self.drawn.styles[row] for row in rows] + ["a photo"] * len(others)
        more = torch.randint(len(self.texts), (EXTRA,), generator=chance).tolist()
        asked = sorted({self.number[text] for text in true} | set(more))
        place = {number: index for index, number in enumerate(asked)}
        return dict(
            images=augment.normalised(torch.cat(views)),
            names=self.plain[asked],
            name=torch.tensor([place[self.number[text]] for text in true]),
            styled=self.styled[torch.cat([torch.tensor(rows), others + len(self.drawn)])],
            styles=self.style_ids,
            style=torch.tensor([self.styles.index(style) for style in styles]),
        )

    def _chosen(self, chance: torch.Generator) -> list[int]:
        rows = []
        for group, count in ((self.favourites, self.named // 2), (self.names, self.named - self.named // 2)):
            for index in torch.randperm(len(group), generator=chance)[:count].tolist():
                same = self.rows[group[index]]
                rows += [same[i] for i in torch.randperm(len(same), generator=chance)[:PER_NAME].tolist()]
        return rows


def loss_of(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Sum of the questions' cross-entropies: name, styled name (both ways), style, and the other view."""
    count = len(batch["name"])
    texts = torch.cat([batch["names"], batch["styled"], batch["styles"]])
    with common.autocast():
        seen, read = model.encode_image(batch["images"]), model.encode_text(texts)
    seen, read = functional.normalize(seen.float(), dim=-1), functional.normalize(read.float(), dim=-1)
    scale = model.logit_scale.exp().clamp(max=100)
    scores = scale * seen @ read.T
    names, styled, styles = scores.split([len(batch["names"]), count, len(batch["styles"])], dim=1)
    own, twice = torch.arange(count), torch.arange(count).repeat(2)
    name = functional.cross_entropy(names, batch["name"].repeat(2))
    # Photographs of one label share their styled caption too; a batch has so few that it is not worth a mask.
    image_to_text = functional.cross_entropy(styled, twice)
    text_to_image = sum(functional.cross_entropy(view.T, own) for view in styled.split(count)) / 2
    style = functional.cross_entropy(styles, batch["style"].repeat(2))
    alike = 10 * seen @ seen.T - 1e4 * torch.eye(2 * count)
    view = functional.cross_entropy(alike, torch.cat([own + count, own]))
    return name + (image_to_text + text_to_image) / 2 + 0.5 * style + view


@torch.no_grad()
def embedded(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Unit embeddings (n, d) of images in [0, 1]."""
    parts = [model.encode_image(batch, normalize=True) for batch in augment.normalised(images).split(64)]
    return torch.cat(parts).float()


class Judge:
    """Validation figures on held-out drawings and on the line-up's own question.

    Retrieval: the right name among the generators' names, for held-out drawings of those. Line-up: a view of a drawing
    against four other views of the same name in each of the five sets, ranked by mean cosine similarity; views are
    moved and worn as in training. `held` drawings were never trained on, `seen` ones were.
    """

    def __init__(self, drawn: captions.Pictures, held: captions.Pictures, encoder, seed: int = 1):
        favourites = set(captions.FAVOURITES)
        self.held = [row for row, name in enumerate(held.names) if name in favourites]
        self.pictures = held
        self.texts = captions.ids(encoder, [captions.words(name) for name in captions.FAVOURITES])
        self.right = torch.tensor([captions.FAVOURITES.index(held.names[row]) for row in self.held])
        chance = augment.chance_of(seed, 0)
        whole = defaultdict(dict)  # name -> style -> (pixels, held out or not)
        for group, out in ((drawn, False), (held, True)):
            for row, (name, style) in enumerate(zip(group.names, group.styles, strict=True)):
                if name in favourites:
                    whole[name][style] = (group.pixels[row], group.sided[row], out)
        self.views, self.out, styles = [], [], list(captions.STYLES.values())
        names = [name for name in captions.FAVOURITES if any(whole[name][style][2] for style in styles)][:60]
        for name in names:
            pixels = torch.stack([whole[name][style][0] for style in styles]).repeat(5, 1, 1, 1)
            sided = torch.stack([whole[name][style][1] for style in styles]).repeat(5)
            self.views.append(augment.worn(augment.drawn(pixels, sided, chance), chance))
            self.out.append([whole[name][style][2] for style in styles])
        self.views, self.out = torch.cat(self.views), torch.tensor(self.out)

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        """Share of right names first and among the first five, and of right styles."""
        read = model.encode_text(self.texts, normalize=True).float()
        seen = embedded(model, augment.on_white(self.pictures.pixels[self.held]))
        ranks = (seen @ read.T).argsort(dim=1, descending=True) == self.right[:, None]
        names = len(self.out)
        views = embedded(model, self.views).view(names, 5, 5, -1)  # name, view, style, feature
        alike = torch.einsum("nqd,nvsd->nqsv", views[:, 0], views[:, 1:]).mean(dim=-1)
        correct = alike.argmax(dim=-1) == torch.arange(5)
        return dict(
            top1=ranks[:, 0].float().mean().item(),
            top5=ranks[:, :5].any(dim=1).float().mean().item(),
            lineup_seen=correct[~self.out].float().mean().item(),
            lineup_held=correct[self.out].float().mean().item(),
        )


def export(model: torch.nn.Module, encoder) -> None:
    """Write configuration, 16-bit weights and tokenizer as open_clip lays out a folder."""
    from safetensors.torch import save_file

    folder = common.MINIS / NAME
    folder.mkdir(parents=True, exist_ok=True)
    text = dict(CONFIG["text_cfg"], vocab_size=len(encoder), pool_type="eos", eos_id=2, pad_id=0)
    preprocess = dict(mean=[0.5] * 3, std=[0.5] * 3, interpolation="bicubic", resize_mode="squash")
    described = dict(model_cfg=dict(CONFIG, text_cfg=text), preprocess_cfg=preprocess)
    (folder / "open_clip_config.json").write_text(json.dumps(described, indent=2) + "\n")
    weights = {key: v.half().contiguous() if v.is_floating_point() else v for key, v in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    encoder.save_pretrained(folder)
    common.readable(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="CPU minutes of training in all, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    parser.add_argument("--named", type=int, default=16, help="names a batch, each from up to three sets")
    parser.add_argument("--rate", type=float, default=1e-2, help="peak learning rate of Muon")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    photos = captions.photographs(arguments.photos, "train")
    encoder = captions.tokenizer(captions.vocabulary(photos))
    model = build(len(encoder))
    if arguments.export:
        export(common.last_average(NAME, model), encoder)
        return
    drawn, held = captions.drawings(held_out=False), captions.drawings(held_out=True)
    batches = Batches(drawn, photos, encoder, arguments.seed, arguments.named)
    averaged = common.run(
        NAME,
        model,
        optimiser(model, arguments.rate),
        arguments.minutes,
        lambda step: loss_of(model, batches.at(step)),
        Judge(drawn, held, encoder),
    )
    export(averaged, encoder)


if __name__ == "__main__":
    main()
