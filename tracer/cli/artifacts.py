"""The command that looks for autoencoders' artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracer import api
from tracer.cli.console import Images, Json, answer_each, say
from tracer.evidence.artifacts import detection as marks
from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.artifacts.published import PublishedArtifacts
from tracer.verdict import wording


def artifacts(
    images: Images,
    tries: Annotated[int, typer.Option(help="crops to look at", min=1, max=marks.MOST_TRIES)] = marks.TRIES,
    seed: Annotated[int | None, typer.Option(help="of random crops; else they are spread evenly", min=0)] = None,
    published: Annotated[
        Path | None,
        typer.Option(help="ask this published detector (model_convnext.pth, model_eva.pth, model_effnet.pth) instead"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether the image went through any latent model's autoencoder (autoencoder artifacts)."""

    def ask(path: Path) -> Artifacts | PublishedArtifacts:
        if published:
            return api.artifacts_published(path, published, tries=tries, seed=seed)
        return _artifacts_one(path, tries, seed)

    answer_each(images, ask, _tell, as_json)


def _artifacts_one(path: Path, tries: int, seed: int | None) -> Artifacts:
    for event in api.artifacts_stream(path, tries=tries, seed=seed):
        if isinstance(event, marks.Try):
            say(f"{path.name}: try {event.index + 1} of {tries}, score {event.score:.2f}")
    say("")
    return event


def _tell(found: Artifacts | PublishedArtifacts) -> None:
    print(f"{found.image.file}: {wording.sentence(found.verdict)}")
    for note in found.image.notes:
        print(f"  note: {note}")
    logits = [each.logit for each in found.tries]
    spread = f"{min(logits):.2f} to {max(logits):.2f}" if len(logits) > 1 else f"{logits[0]:.2f}"
    if isinstance(found, PublishedArtifacts):
        print(f"  probability {found.probability:.3f}, {len(logits)} tries, logits {spread}")
        return
    print(
        f"  probability {found.probability:.3f}, threshold {found.threshold:.3f} (at most "
        f"{found.fpr:.0%} of photographs are above, by {found.calibrated_on} of them)  "
        f"p {found.p_value:.3f}\n"
        f"  {len(logits)} tries, logits {spread}, {found.seconds:.2f} s, condition: {found.condition}"
    )
