"""Which latent generative model, if any, made an image?

With --json, standard output carries one JSON document and nothing else; progress goes to standard error. Exit status:
0 answered, 2 bad input or usage, 3 a model is not available.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tracer import api, blocklist, calibration, intake, lineup, regeneration
from tracer import artifacts as marks
from tracer.faults import ModelUnavailable

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)

# Some releases of typer carry their own copy of click, so its base of usage errors is reached through typer.
UsageError = typer.BadParameter.__mro__[1]
Images = Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="image files", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Mode = Annotated[
    str, typer.Option(help="fast: relative loss, early stop; paper, paper-random: LatentTracer's settings")
]


@contextmanager
def readable_errors():
    """Turn the errors that a user can act on into one line and an exit status."""
    try:
        yield
    except (intake.IntakeError, ValueError) as error:
        status = 3 if isinstance(error, calibration.ThresholdMismatch) else 2
        _fail(str(error), status)
    except KeyError as error:
        _fail(error.args[0], 2)
    except ModelUnavailable as error:
        _fail(str(error), 3)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}", 2)


def _complain(message: str) -> None:
    print(f"tracer: {' '.join(message.split())}", file=sys.stderr)


def _fail(message: str, status: int) -> None:
    _complain(message)
    raise typer.Exit(status)


def _say(line: str) -> None:
    """Progress: overwrites itself on a terminal, and stays out of files and pipes."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


@app.command()
def trace(
    images: Images,
    lineup_name: Annotated[
        str,
        typer.Option("--lineup", help="minis (bundled), tiny (10 MB each from the Hub) or full (up to 1.3 GB)"),
    ] = "minis",
    family: Annotated[list[str] | None, typer.Option(help="inspect only this family; may be repeated")] = None,
    autoencoder: Annotated[Path | None, typer.Option(help="inspect this folder in diffusers layout instead")] = None,
    mode: Mode = "fast",
    report: Annotated[Path | None, typer.Option(help="write a report on one image: .html or .json")] = None,
    as_json: Json = False,
) -> None:
    """Say which family's decoder can reproduce the image (latent inversion)."""
    documents, refused, absent = [], False, set()
    with readable_errors():
        if report:
            _check_report(report, images)
        for path in images:
            try:
                documents.append(_trace_one(path, lineup_name, family, autoencoder, mode))
                if report:
                    _write_report(report, path, documents[-1], mode)
            except intake.IntakeError as error:  # one bad file must not lose the answers about the others
                _complain(f"{path}: {error}")
                refused = True
                continue
            missing = documents[-1].get("unavailable", {})
            for reason, names in _grouped({name: why for name, why in missing.items() if name not in absent}).items():
                _complain(f"not inspected: {names}: {reason}")
            absent |= set(missing)
            if not as_json:
                _report(documents[-1])
    if as_json and documents:
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if refused or absent:
        raise typer.Exit(2 if refused else 3)


def _check_report(report: Path, images: list[Path]) -> None:
    from tracer import report as reports

    reports.check(report)
    if len(images) > 1:
        raise ValueError("--report takes one image; python -m tracer batch makes a table of many")


def _write_report(report: Path, image: Path, document: dict, mode: str) -> None:
    from tracer import report as reports

    reports.write(report, image, document, mode)


def _trace_one(path: Path, lineup_name: str, family: list[str] | None, autoencoder: Path | None, mode: str) -> dict:
    for update in api.trace_stream(path, lineup=lineup_name, families=family, autoencoder=autoencoder, mode=mode):
        if isinstance(update, api.Loading):
            _say(f"{update.family}: {update.words()}")
        elif isinstance(update, api.Stepped):
            _say(f"{update.family}: step {update.step.index}, {update.step.score(mode):.3g}")
    _say("")
    return update.document()


def _report(document: dict) -> None:
    print(f"{document['image']['file']}: {document['verdict']['sentence']}")
    for note in document["image"]["notes"]:
        print(f"  note: {note}")
    if document["verdict"]["members"]:
        print(f"  models with that autoencoder: {', '.join(document['verdict']['members'])}")
    for row in document["evidence"]:
        answer = {True: "fits", False: "does not fit", None: "open"}[row["belongs"]]
        answer = "gave way" if row["gave_way"] else answer
        print(
            f"  {row['family']:<12} {answer:<13} score {row['score']:<10.4g} threshold {row['threshold']:<10.4g} "
            f"p {'-' if row['p_value'] is None else format(row['p_value'], '.3f')}  "
            f"{row['steps']} steps, {row['seconds']:.2f} s"
            + (f", {row['off_grid']:.1f} times worse off its grid" if row["off_grid"] else "")
            + (", without its plain frame" if any(row["frame"]) else "")
            + (", cropped off its grid by {} x {} px".format(*row["offset"]) if any(row["offset"]) else "")
            + (", as resized from {1} x {0} px".format(*row["drawn"]) if any(row["drawn"]) else "")
        )
    if look := document.get("quick_look"):
        print(f"  {look['sentence']}" + (f"\n    {look['caution']}" if look["caution"] else ""))


@app.command()
def verdict(
    images: Images,
    lineup_name: Annotated[str, typer.Option("--lineup", help="minis, tiny or full")] = "minis",
    draw: Annotated[bool, typer.Option("--draw", help="ask the generators too: about a second per drawing")] = False,
    as_json: Json = False,
) -> None:
    """Ask every kind of evidence, the cheap ones first, and give one joint answer."""
    from tracer import verdicts

    documents, refused = [], False
    with readable_errors():
        for path in images:
            try:
                documents.append(verdicts.verdict(path, lineup=lineup_name, draw=draw).document())
            except intake.IntakeError as error:  # one bad file must not lose the answers about the others
                _complain(f"{path}: {error}")
                refused = True
                continue
            if not as_json:
                _report_joint(documents[-1])
    if as_json and documents:
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if refused:
        raise typer.Exit(2)


def _report_joint(document: dict) -> None:
    print(f"{document['image']['file']}: {document['verdict']['sentence']}\n  {document['support']}")
    for row in document["matrix"]:
        said = (f"{kind} {' '.join(filter(None, cell.values()))}" for kind, cell in row["cells"].items())
        print(f"  {row['candidate']:<20} {'; '.join(said)}")
    for kind, reason in document["unavailable"].items():
        print(f"  {kind} is not available: {reason}")


@app.command()
def batch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a folder of images, searched to its depths")],
    out: Annotated[Path, typer.Option(help="the .csv, .json or .jsonl to write; what is in it is not done again")],
    lineup_name: Annotated[str, typer.Option("--lineup", help="minis, tiny or full")] = "minis",
    family: Annotated[list[str] | None, typer.Option(help="inspect only this family; may be repeated")] = None,
    mode: Mode = "fast",
    engine: Annotated[str, typer.Option(help="local, or ray (pip install -r requirements-batch.txt)")] = "local",
    workers: Annotated[int, typer.Option(help="processes of the engine ray", min=1)] = 2,
    as_json: Json = False,
) -> None:
    """Trace every image of a folder into a table; a bad file becomes a row with its error."""
    with readable_errors():
        from tracer import batch as many

        if engine not in ("local", "ray"):
            raise ValueError(f"no engine called {engine!r}; there are: local, ray")
        options = many.Options(lineup_name, tuple(family or ()), mode)
        files = many.found(folder)
        table = many.Table(out, options.columns())
        work = None
        if engine == "ray":
            from tracer import batch_ray

            work = batch_ray.engine(workers)
        new = errors = 0
        try:
            with table:
                for row in many.rows(files, options, table.known, work):
                    table.add(row)
                    new, errors = new + 1, errors + bool(row["error"])
                    _say(f"{new} of at most {len(files)}: {row['file']}")
        finally:
            _say("")
        told = {"file": str(out), "images": len(files), "new": new, "errors": errors, "kept": len(table.known)}
        print(json.dumps(told) if as_json else f"{out}: {new} new rows, {errors} of them errors, {told['kept']} kept")


@app.command()
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
    documents, refused = [], False
    with readable_errors():
        for path in images:
            try:
                if published:
                    documents.append(api.artifacts_published(path, published, tries=tries, seed=seed))
                else:
                    documents.append(_artifacts_one(path, tries, seed))
            except intake.IntakeError as error:  # one bad file must not lose the answers about the others
                _complain(f"{path}: {error}")
                refused = True
                continue
            if not as_json:
                _report_marks(documents[-1])
    if as_json and documents:
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if refused:
        raise typer.Exit(2)


def _artifacts_one(path: Path, tries: int, seed: int | None) -> dict:
    for update in api.artifacts_stream(path, tries=tries, seed=seed):
        if isinstance(update, marks.Try):
            _say(f"{path.name}: try {update.index + 1} of {tries}, score {update.score:.2f}")
    _say("")
    return update.document()


def _report_marks(document: dict) -> None:
    print(f"{document['image']['file']}: {document['verdict']['sentence']}")
    for note in document["image"]["notes"]:
        print(f"  note: {note}")
    logits = [each["logit"] for each in document["tries"]]
    spread = f"{min(logits):.2f} to {max(logits):.2f}" if len(logits) > 1 else f"{logits[0]:.2f}"
    if document["threshold"] is None:
        print(f"  probability {document['probability']:.3f}, {len(logits)} tries, logits {spread}")
        return
    print(
        f"  probability {document['probability']:.3f}, threshold {document['threshold']:.3f} (at most "
        f"{document['fpr']:.0%} of photographs are above, by {document['calibrated_on']} of them)  "
        f"p {document['p_value']:.3f}\n"
        f"  {len(logits)} tries, logits {spread}, {document['seconds']:.2f} s, judged as {document['condition']}"
    )


@app.command()
def reconstruct(
    family: Annotated[str, typer.Argument(help="a family of the registry")],
    image: Annotated[Path, typer.Argument(help="an image file")],
    out: Annotated[Path, typer.Option(help="the PNG to write")],
    as_json: Json = False,
) -> None:
    """Send an image once through a family's autoencoder."""
    from PIL import Image

    with readable_errors():
        if out.suffix.lower() != ".png":
            raise ValueError("--out must end in .png: a lossy format would destroy the traces")
        pixels = api.reconstruct(family, image)
        Image.fromarray(pixels).save(out)
        if as_json:
            print(json.dumps({"file": str(out), "family": family, "width": pixels.shape[1], "height": pixels.shape[0]}))


@app.command()
def generate(
    generator: Annotated[str, typer.Argument(help="a generator; python -m tracer models lists them")],
    prompt: Annotated[str, typer.Argument(help="what to draw: an emoji's name, such as 'red apple'")],
    out: Annotated[Path, typer.Option(help="folder for the PNG files")],
    count: Annotated[int, typer.Option("-n", "--count", help="number of images", min=1, max=64)] = 1,
    seed: Annotated[int, typer.Option(help="seed of the first image; the next ones count up", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Let a bundled generator draw. The same seed gives the same image."""
    from PIL import Image

    with readable_errors():
        from tracer import generation

        seeds = range(seed, seed + count)
        drawn = generation.generate(generator, prompt, seeds)
        bundled = lineup.generator(generator).bundled
        words = "-".join("".join(c if c.isalnum() else " " for c in prompt.lower()).split())[:60]
        unknown = generation.load(generator).unknown_words(prompt) if bundled else []
        if unknown:
            _complain(
                f"{generator} never learned {', '.join(unknown)}; python -m tracer models --json lists its prompts"
            )
        out.mkdir(parents=True, exist_ok=True)
        files = []
        for number, pixels in zip(seeds, drawn, strict=True):
            path = out / f"{generator}-{words or 'prompt'}-{number}.png"
            Image.fromarray(pixels).save(path)
            files.append({"file": str(path), "generator": generator, "prompt": prompt, "seed": number})
            if not as_json:
                print(path)
        if as_json:
            print(json.dumps(files, indent=2))


@app.command()
def regenerate(
    images: Images,
    caption: Annotated[str | None, typer.Option(help="what to draw; by default the captioner's words")] = None,
    generator: Annotated[list[str] | None, typer.Option(help="only this model; may be repeated")] = None,
    candidates: Annotated[int, typer.Option(help="drawings per model", min=1, max=regeneration.MOST)] = (
        regeneration.CANDIDATES
    ),
    seed: Annotated[int, typer.Option(help="seed of every model's first drawing", min=0)] = regeneration.SEED,
    fused: Annotated[bool, typer.Option("--fused", help="ask inversion first, and give a joint answer")] = False,
    encoder: Annotated[
        str | None, typer.Option(help="vit-b-32 or vit-l-14 from the Hub; by default as the models need it")
    ] = None,
    budget: Annotated[float, typer.Option(help="seconds that drawing for one image may take, by estimate", min=1)] = (
        3600
    ),
    as_json: Json = False,
) -> None:
    """Say which model draws what is most like the image (prompt regeneration)."""
    documents, refused = [], False
    options = dict(caption=caption, generators=generator, candidates=candidates, seed=seed, fused=fused)
    options |= dict(encoder=encoder, budget=budget)
    with readable_errors():
        names = generator or [row.id for row in lineup.GENERATORS.values() if row.bundled]
        blocklist.check(caption or "")
        needed = regeneration.span(regeneration.check_time(names, candidates, budget))
        for path in images:
            try:
                documents.append(_regenerate_one(path, options, needed))
            except intake.IntakeError as error:  # one bad file must not lose the answers about the others
                _complain(f"{path}: {error}")
                refused = True
                continue
            if not as_json:
                _report_drawn(documents[-1])
    if as_json and documents:
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if refused:
        raise typer.Exit(2)


def _regenerate_one(path: Path, options: dict, needed: str) -> dict:
    drawn, told = 0, False
    for update in api.regenerate_stream(path, **options):
        if not told:  # what cannot be read, or not be drawn, has been refused by now
            print(f"{path.name}: drawing takes {needed} on this machine, by estimate", file=sys.stderr)
            told = True
        if isinstance(update, regeneration.Drawn):
            drawn += 1
            _say(f"{update.generator}: drawing {drawn}, similarity {update.similarity:.3f}")
        elif isinstance(update, api.Loading):
            _say(f"{update.family}: {update.words()}")
        elif isinstance(update, api.Unavailable):
            _complain(f"does not draw: {update.family}: {update.reason}")
    _say("")
    return update.document()


def _report_drawn(document: dict) -> None:
    print(f"{document['image']['file']}: {document['verdict']['sentence']}")
    for row in document["ranking"]:
        chance = "-" if row["p_value"] is None else format(row["p_value"], ".3f")
        print(
            f"  {row['generator']:<20} similarity {row['similarity']:.3f} ± {row['spread']:.3f}  "
            f"SSIM {row['structural']:.3f}  p {chance}"
        )
    for name, count in document.get("withheld", {}).items():
        print(f"  {name:<20} {count} withheld by its safety checker, not scored")


@app.command()
def calibrate(
    family: Annotated[
        str, typer.Argument(help="a family of the registry, or artifacts, or regeneration", metavar="SUBJECT")
    ],
    belonging: Annotated[Path | None, typer.Option(help="folder of images that this family made")] = None,
    photographs: Annotated[
        list[Path] | None,
        typer.Option(help="folder of photographs to send through it instead; for artifacts required, repeatable"),
    ] = None,
    strangers: Annotated[
        list[Path] | None,
        typer.Option(help="for regeneration: folder of pictures that no model drew; may be repeated"),
    ] = None,
    count: Annotated[
        int,
        typer.Option(help="number of images, of artifacts per kind of photograph, of regeneration per model", min=3),
    ] = 200,
    mode: Mode = "fast",
    condition: Annotated[
        str | None,
        typer.Option(
            help="lossless, resized, jpeg-95, jpeg-85, jpeg-70 or jpeg-50; by default lossless, of artifacts all"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the threshold")] = calibration.FOLDER,
    as_json: Json = False,
) -> None:
    """Measure and store a family's threshold, or what the verdict of artifacts or of regeneration rests on.

    Without a folder, a family's belonging images are reconstructions of tiles of the pictures that scikit-image
    bundles. The detector needs photographs that it was not trained on.
    """
    with readable_errors():
        if family == "regeneration":
            _calibrate_regeneration(strangers or [], count, out, as_json)
            return
        if family == "artifacts":
            _calibrate_artifacts(photographs or [], count, condition, out, as_json)
            return
        from tracer.belonging import calibrate as measure

        if photographs and len(photographs) > 1:
            raise ValueError("give one folder of photographs for a family")
        folder, condition = photographs[0] if photographs else None, condition or calibration.LOSSLESS
        path = measure(
            family, mode, count, belonging, folder, out, condition, lambda n: _say(f"{family}: {n} of {count}")
        )
        _say("")
        stored = json.loads(path.read_text())
        found = {"file": str(path), "n": stored["n"], **stored["thresholds"]}
        print(json.dumps(found) if as_json else f"{path.name}: {stored['n']} images, {stored['thresholds']}")


def _calibrate_regeneration(strangers: list[Path], count: int, out: Path, as_json: bool) -> None:
    from tracer import regeneration_measure, regeneration_reference

    out.mkdir(parents=True, exist_ok=True)
    scores = out / "regeneration-scores.jsonl"  # where to go on after an interruption
    found = regeneration_measure.reference(regeneration_measure.folders(strangers), count, scores, _say)
    path = regeneration_reference.store(found, out / regeneration_reference.FILE.name)
    scores.unlink(missing_ok=True)
    _say("")
    print(json.dumps({"file": str(path), "images": found.images}) if as_json else f"{path.name}: {found.images}")


def _calibrate_artifacts(photographs: list[Path], count: int, condition: str | None, out: Path, as_json: bool) -> None:
    if not photographs:
        raise ValueError("the detector is calibrated on photographs that it was not trained on: give --photographs DIR")
    from tracer import artifacts_reference, reference

    def told(done: int, total: int) -> None:
        _say(f"artifacts: {done} of {total} photographs")

    wanted = [condition] if condition else reference.CONDITIONS
    paths = artifacts_reference.calibrate(photographs, count, wanted, out, told)
    _say("")
    rows = [(path, json.loads(path.read_text())) for path in paths]
    found = [{"file": str(path), "n": stored["n"], **stored["thresholds"]} for path, stored in rows]
    if as_json:
        print(json.dumps(found, indent=2))
    for (path, stored), row in zip([] if as_json else rows, found, strict=False):
        print(f"{path.name}: {row['n']} photographs, {stored['thresholds']}")


@app.command()
def models(
    pin: Annotated[
        bool, typer.Option("--pin", help="resolve the newest commits and write them to the lock file")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every family and generator, and whether it can be used here and now.

    The Hub is asked about those that are not here.
    """
    from tracer import availability, hub

    chosen, drawers = list(lineup.FAMILIES.values()), list(lineup.GENERATORS.values())
    failed = _pinned([row for row in chosen if not row.bundled], as_json) if pin else False
    rows = [
        {
            "family": row.id,
            "lineup": row.lineup,
            "status": found.status,
            "reason": found.reason,
            "megabytes": found.megabytes,
            "kind": row.kind,
            "members": list(row.members),
            "licence": row.licence,
            "source": row.source.name if row.bundled else row.source,
            "subfolder": row.subfolder,
            "revision": None if row.bundled else hub.revision(row),
            "note": row.note,
        }
        for row, found in zip(chosen, availability.check(chosen), strict=True)
    ]
    generators = [
        {
            "generator": row.id,
            "family": row.family,
            "lineup": row.lineup,
            "status": found.status,
            "reason": found.reason,
            "megabytes": found.megabytes,
            "source": [each.source for each in row.repositories],
            "revision": [hub.revision(each) for each in row.repositories],
            "note": row.note,
            "style": row.style,
            "licence": row.licence,
            "data": row.data,
            "prompts": row.prompts(),
        }
        for row, found in zip(drawers, availability.check_generators(drawers), strict=True)
    ]
    if as_json:
        print(json.dumps(rows + generators, indent=2))
    for row in [] if as_json else rows:
        size = f"{row['megabytes']:>6.0f} MB" if row["megabytes"] else " " * 9
        print(
            f"{row['family']:<11} {row['lineup']:<6} {row['status']:<12} {size}  {', '.join(row['members'])}".rstrip()
        )
        if row["reason"]:
            print(f"{'':<18} {row['reason']}")
    for row in [] if as_json else generators:
        known = f"{len(row['prompts'])} prompts, " if row["prompts"] else ""
        print(f"{row['generator']:<18} {row['status']:<12} draws with {row['family']}: {known}{row['style']}")
        if row["reason"]:
            print(f"{'':<18} {row['reason']}")
    if failed:
        raise typer.Exit(3)


def _pinned(rows: list[lineup.Family], quiet: bool) -> bool:
    """Write the lock file; True where a row could not be resolved."""
    from tracer import hub, repository

    parts = [part for row in lineup.GENERATORS.values() for part in row.repositories]
    parts += [row.repository for row in lineup.READERS.values()]
    outcome = hub.pin(rows) | hub.pin(parts, looking=repository.look)
    locked = hub.pins()
    failed = {name: found for name, found in outcome.items() if locked.get(name, {}).get("revision") != found}
    for reason, names in _grouped(failed).items():
        _complain(f"not pinned: {names}: {reason}")
    for name, found in outcome.items():
        if name not in failed and not quiet:
            print(f"{name:<11} {found}")
    return bool(failed)


def _grouped(reasons: dict[str, str]) -> dict[str, str]:
    """Names by reason, as running text: a Hub that is away would be named once per family."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return {reason: ", ".join(names) for reason, names in groups.items()}


@app.command()
def benchmark(
    photographs: Annotated[Path | None, typer.Option(help="folder of test photographs; else scikit-image's")] = None,
    out: Annotated[Path, typer.Option(help="folder for results; a run that was cut off goes on there")] = Path(
        "benchmark-results"
    ),
    drawings: Annotated[Path | None, typer.Option(help="folder of drawings that no model made")] = None,
    native: Annotated[
        Path | None,
        typer.Option(help="folder with folders of test photographs at native size, for artifacts"),
    ] = None,
    generated: Annotated[
        Path | None, typer.Option(help="folder of generators' pictures with their SOURCES.csv, for artifacts")
    ] = None,
    count: Annotated[int, typer.Option(help="photographs at most", min=2)] = 200,
    paper_count: Annotated[int, typer.Option(help="photographs in paper mode, which is slow", min=0)] = 6,
    quick: Annotated[bool, typer.Option("--quick", help="small counts, no paper mode: a few minutes")] = False,
    only: Annotated[list[str] | None, typer.Option(help="only this section; may be repeated")] = None,
    as_json: Json = False,
) -> None:
    """Measure how often the answer is right, on photographs that nothing was trained or calibrated on."""
    from tracer import benchmark as bench

    with readable_errors():
        folders = dict(drawn=drawings, native=native, made=generated)
        results = bench.run(photographs, out, count, paper_count, quick, only, _say, **folders)
        _say("")
        print(json.dumps(results, indent=2) if as_json else bench.markdown(results))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status; a usage error is one line, like every other error."""
    command = typer.main.get_command(app)
    try:
        return command.main(arguments, prog_name="python -m tracer", standalone_mode=False) or 0
    except UsageError as error:
        _complain(error.format_message())
    except typer.Abort:
        _complain("stopped")
    return 2


if __name__ == "__main__":
    sys.exit(main())
