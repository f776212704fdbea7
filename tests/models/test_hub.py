"""Downloads from a Hub that misbehaves: one sentence each, nothing left behind, and the next try succeeds."""

from __future__ import annotations

import errno
import json
import threading
import time
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants

from tests import small_models
from tests.conftest import SHARED
from tests.hub import Faults
from tracer import api
from tracer.image import samples
from tracer.models import autoencoder, cache, checkpoint, device, hub, registry, transfer
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import Progress
from tracer.reports import availability

TAESD, SDXL = registry.family("taesd"), registry.family("sdxl")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Folders with a small model of every row, made when they are asked for."""
    made: dict[str, Path] = {}

    def folder(row: registry.Family, seed: int = 0) -> Path:
        key = f"{row.id}-{seed}"
        if key not in made:
            shape = small_models.small(row.kind, small_models.SHAPES[row.id])
            made[key] = small_models.make(row.kind, tmp_path_factory.mktemp(key), seed, shape)
        return made[key]

    return folder


@pytest.fixture
def taesd(local_hub, published):
    """The commit of a small taesd on the local Hub."""
    return local_hub.add(TAESD.source, published(TAESD))


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock file of the test's own."""
    path = tmp_path / "hub.lock.json"
    path.write_text("{}")
    monkeypatch.setattr(hub, "LOCK", path)
    return path


def leftovers() -> list[Path]:
    """Files in the cache that a finished download would not leave."""
    found = Path(constants.HF_HUB_CACHE).rglob("*")
    return [path for path in found if path.name.endswith((".incomplete", ".new")) or path.name.startswith("tmp_")]


def fails(row: registry.Family = TAESD, **options) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as failure:
        cache.load(row, **options)
    message = str(failure.value)
    assert len(message.splitlines()) == 1
    assert "Error" not in message, "the reader's words, not the library's"
    assert leftovers() == []
    return failure.value


# What goes well


@pytest.mark.parametrize("row", [row for row in registry.FAMILIES.values() if not row.bundled], ids=lambda row: row.id)
def test_every_row_is_found_in_the_real_repositories_layout(row, local_hub, published):
    commit = local_hub.add(row.source, published(row), row.subfolder)
    model = cache.load(row)
    assert model.hub_commit == model.revision == commit
    assert model.weights_digest == checkpoint.rounded_digest(model.model)
    assert len(local_hub.downloads()) == 1


def test_only_two_files_are_fetched_and_only_once(taesd, local_hub):
    assert hub.cached(TAESD.repository) is None
    told = []
    snapshot = hub.fetch(TAESD.repository, Progress(emit=told.append))
    assert snapshot.commit == taesd
    assert sorted(path.name for path in snapshot.folder.iterdir()) == [hub.CONFIG, hub.WEIGHTS]
    assert told[-1].done == told[-1].total == sum(path.stat().st_size for path in snapshot.folder.iterdir())
    asked = len(local_hub.asked)
    assert hub.fetch(TAESD.repository) == snapshot == hub.cached(TAESD.repository)
    assert len(local_hub.asked) == asked


def test_what_is_cached_needs_no_network(taesd, local_hub, monkeypatch):
    hub.fetch(TAESD.repository)
    local_hub.stop()
    assert cache.load(TAESD).revision == taesd
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.cached(TAESD.repository).commit == taesd


def test_the_server_is_like_the_real_one_to_the_library_itself(taesd, local_hub):
    about = huggingface_hub.HfApi(endpoint=local_hub.endpoint).model_info(TAESD.source, revision="main")
    assert about.sha == taesd
    assert {each.rfilename for each in about.siblings} >= {hub.CONFIG, hub.WEIGHTS}


def test_the_pinned_commit_is_loaded_although_there_is_a_newer_one(taesd, local_hub, published, lock):
    lock.write_text(json.dumps({"taesd": {"source": TAESD.source, "revision": taesd}}))
    newer = local_hub.add(TAESD.source, published(TAESD, seed=1))
    assert newer != taesd
    assert cache.load(TAESD).revision == taesd


def test_pinning_writes_the_newest_commit_and_says_what_has_none(taesd, local_hub, published, lock):
    newer = local_hub.add(TAESD.source, published(TAESD, seed=1))
    outcome = hub.pin([TAESD.repository, SDXL.repository])
    assert outcome["taesd"] == newer
    assert "gone" in outcome["sdxl"]
    assert hub.pins() == {"taesd": {"source": TAESD.source, "revision": newer}}
    assert hub.revision(TAESD.repository) == newer
    assert hub.revision(SDXL.repository) == "main"


def test_pinning_without_a_hub_keeps_the_pins_there_are(local_hub, lock):
    known = json.dumps({"taesd": {"source": TAESD.source, "revision": "1" * 40}})
    lock.write_text(known)
    local_hub.faults.status = 503
    assert len(set(hub.pin([TAESD.repository, SDXL.repository]).values())) == 1
    assert len(local_hub.asked) == 1
    assert hub.pins() == json.loads(known)


def test_a_pin_of_another_repository_does_not_count(lock):
    lock.write_text(json.dumps({"taesd": {"source": "somebody/else", "revision": "0" * 40}}))
    assert hub.revision(TAESD.repository) == "main"


def test_the_shipped_lock_file_belongs_to_the_rows():
    parts = [part for row in registry.GENERATORS.values() for part in row.repositories]
    parts += [row.repository for row in registry.READERS.values()]
    sources = {row.id: row.source for row in (*registry.FAMILIES.values(), *parts)}
    for name, pinned in hub.pins().items():
        assert pinned["source"] == sources[name]
        assert len(pinned["revision"]) == 40


def test_two_who_want_the_same_model_download_it_once(taesd, local_hub):
    local_hub.faults.drip = 0.01
    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.load(TAESD))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(local_hub.downloads()) == 1
    assert found[0] is found[1] is found[2]


def test_a_transfer_that_is_cut_goes_on_where_it_was(taesd, local_hub):
    local_hub.faults = Faults(cut=5000, cuts=1)
    told = []
    assert hub.fetch(TAESD.repository, Progress(emit=told.append)).commit == taesd
    assert len(local_hub.downloads()) == 2
    assert told[-1].done == told[-1].total


def test_weights_that_are_only_pickled_are_refused_before_anything_is_fetched(local_hub, published):
    commit = local_hub.add(SDXL.source, published(SDXL))
    files = local_hub.repositories[SDXL.source][commit]
    files["diffusion_pytorch_model.bin"] = files.pop(hub.WEIGHTS)
    assert "only as pickles" in str(fails(SDXL))
    assert not local_hub.downloads()


def test_a_fetch_can_be_stopped_by_whoever_started_it(taesd, local_hub):
    local_hub.faults.drip = 0.01
    told = []
    with pytest.raises(ModelUnavailable) as failure:
        hub.fetch(TAESD.repository, Progress(lambda: len(told) > 1, told.append))
    assert failure.value.kind == "stopped"
    assert leftovers() == []


def test_a_small_file_may_come_without_its_size(taesd, local_hub):
    local_hub.faults.unmeasured = True
    assert hub.fetch(TAESD.repository).commit == taesd


# What goes wrong: the misdeed, the sentence, its kind


@pytest.mark.parametrize(
    ("faults", "said", "kind"),
    [
        (
            Faults(gated={TAESD.source}),
            "gated; accept its licence at https://huggingface.co/madebyollin/taesd",
            "gated",
        ),
        (Faults(gone={TAESD.source}), "the repository madebyollin/taesd is gone", "gone"),
        (Faults(missing={hub.WEIGHTS}), "has no longer the files that TAESD needs", "missing"),
        (Faults(missing={hub.CONFIG}), "has no longer the files that TAESD needs", "missing"),
        (Faults(status=503), "answers with an error (status 503); try again later", "unreachable"),
        (Faults(status=429), "asks for a pause", "unreachable"),
        (Faults(status=403), "refuses access", "gone"),
        (Faults(wrong=True), "arrived damaged and was deleted; try again", "damaged"),
        (Faults(short=100), "arrived cut short and was not kept; try again", "damaged"),
        (Faults(cut=0, cuts=99), "the connection broke off", "unreachable"),
    ],
    ids=["gated", "gone", "no weights", "no config", "503", "429", "403", "wrong", "short", "cut"],
)
def test_each_failure_has_its_sentence_and_a_retry_succeeds(faults, said, kind, taesd, local_hub, monkeypatch):
    if faults.cuts:  # the library tries again by itself, a second apart
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
    local_hub.faults = faults
    failure = fails()
    assert said in str(failure)
    assert failure.kind == kind
    local_hub.faults = Faults()
    assert cache.load(TAESD).revision == taesd


def test_a_hub_that_is_away_is_told_apart_quickly_and_a_retry_succeeds(taesd, local_hub):
    with local_hub.away():
        began = time.monotonic()
        failure = fails()
        assert time.monotonic() - began < 5, "the library alone takes half a minute"
    assert failure.kind == "unreachable"
    assert "try again once there is a network" in str(failure)
    assert cache.load(TAESD).revision == taesd


def test_offline_mode_is_named(taesd, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set" in str(fails())
    assert cache.load(TAESD).revision == taesd


def test_something_else_that_answers_instead_of_the_hub(local_hub, monkeypatch, taesd):
    with monkeypatch.context() as context:
        context.setenv("HF_ENDPOINT", f"{local_hub.endpoint}/somewhere/else")
        assert fails().kind == "unreachable"
    assert cache.load(TAESD).revision == taesd


def test_a_pinned_commit_that_is_gone(taesd, lock):
    lock.write_text(json.dumps({"taesd": {"source": TAESD.source, "revision": "0" * 40}}))
    assert "the pinned commit of madebyollin/taesd is gone; run: python -m tracer models --pin" in str(fails())
    hub.pin([TAESD.repository])
    assert cache.load(TAESD).revision == taesd


def test_a_disk_that_is_too_small_is_found_out_before_the_download(taesd, local_hub, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(transfer, "SPARE", 10**18)
        failure = fails()
    assert failure.kind == "disk"
    assert "make room, then try again" in str(failure)
    assert not local_hub.downloads()
    assert cache.load(TAESD).revision == taesd


@pytest.mark.parametrize(
    ("code", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the folder for downloads cannot be written")]
)
def test_a_disk_that_fails_while_it_is_written(code, said, taesd, monkeypatch):
    def write(url, file, **options):
        file.write(b"some of it")
        raise OSError(code, "as the system says it")

    with monkeypatch.context() as context:
        context.setattr("huggingface_hub.file_download.http_get", write)
        failure = fails()
    assert failure.kind == "disk"
    assert said in str(failure)
    assert cache.load(TAESD).revision == taesd


def test_a_hub_that_drips_is_given_up(taesd, local_hub, monkeypatch):
    local_hub.faults.drip = 0.05
    with monkeypatch.context() as context:
        context.setattr(transfer, "WINDOW", 0.3)
        context.setattr(transfer, "PACE", 10**6)
        failure = fails()
    assert failure.kind == "unreachable"
    assert "sends too slowly" in str(failure)
    local_hub.faults = Faults()
    assert cache.load(TAESD).revision == taesd


def test_damage_on_this_machine_is_mended_by_a_retry(taesd):
    path = hub.fetch(TAESD.repository).folder / hub.WEIGHTS
    path.resolve().write_bytes(path.read_bytes()[:2000])
    failure = fails()
    assert failure.kind == "damaged"
    assert "were damaged on this machine and have been deleted; try again" in str(failure)
    assert cache.load(TAESD).revision == taesd


def test_a_repository_that_changed_its_class_is_refused(local_hub, published):
    local_hub.add(TAESD.source, published(SDXL))
    assert "holds a AutoencoderKL instead of a AutoencoderTiny" in str(fails())


def test_what_is_not_a_failure_of_the_hub_is_not_dressed_up_as_one(taesd, monkeypatch):
    monkeypatch.setattr(hub, "revision", lambda repository: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        hub.fetch(TAESD.repository)


# Memory


def test_a_model_that_is_too_large_is_not_downloaded(local_hub, published, monkeypatch):
    commit = local_hub.add(SDXL.source, published(SDXL))
    with monkeypatch.context() as context:
        context.setattr(device, "memory", lambda: (2**30, 2**29))
        failure = fails(SDXL)
    assert failure.kind == "memory"
    assert "takes 0.3 GB, twice that while it loads; this machine has 0.5 GB free" in str(failure)
    assert not local_hub.asked
    assert cache.load(SDXL).revision == commit


def test_the_longest_unused_model_is_dropped_first(local_hub, published, monkeypatch):
    rows = [registry.family(name) for name in ("taesd", "taesdxl", "taesd3")]
    for row in rows:
        local_hub.add(row.source, published(row))
    one = device.bytes_of(rows[0])
    monkeypatch.setattr(device, "budget", lambda: one + 150_000)
    monkeypatch.setattr(cache, "_bytes", lambda model: 100_000)
    first, second = cache.load(rows[0]), cache.load(rows[1])
    assert cache.loaded(rows[0]) is first  # used again, so the other one goes
    cache.load(rows[2])
    assert cache.loaded(rows[1]) is None
    assert cache.loaded(rows[0]) is first
    assert cache.load(rows[1]) is not second


def test_preloading_says_what_could_not_be_had(taesd):
    failed = cache.preload([TAESD, SDXL])
    assert list(failed) == ["sdxl"]
    assert cache.loaded(TAESD)


# What the reader sees of it


@pytest.fixture(scope="session")
def picture():
    from tracer.image import intake

    return intake.from_array(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), "noise")


def test_a_trace_tells_how_the_download_goes_and_which_commit_it_used(taesd, local_hub, picture):
    local_hub.faults.drip = 0.01
    events = list(api.trace_stream(picture, families=["taesd"]))
    done = [event.done for event in events if isinstance(event, api.Loading) and event.total]
    assert done == sorted(done) and 0 < done[0] < done[-1]
    (evidence,) = events[-1].evidence
    assert evidence.revision == taesd
    assert evidence.weights_digest.startswith("sha256-bf16:")
    assert "unavailable" not in events[-1].document()


def test_a_download_can_be_stopped_and_taken_up_again(taesd, local_hub, picture):
    local_hub.faults.drip = 0.1
    soon = time.monotonic() + 1
    seen = list(api.trace_stream(picture, families=["taesd"], stop=lambda: time.monotonic() > soon))
    assert seen[-1].verdict.stopped
    assert leftovers() == []
    local_hub.faults = Faults()
    assert api.trace(picture, families=["taesd"]).evidence[0].revision == taesd


def test_a_family_that_cannot_be_had_is_left_out_and_named(taesd, local_hub, picture):
    local_hub.faults.gated = {"madebyollin/taesdxl"}
    trace = api.trace(picture, families=["taesd", "taesdxl"])
    assert [each.family for each in trace.evidence] == ["taesd"]
    assert "gated" in trace.document()["unavailable"]["taesdxl"]


def test_an_unreachable_hub_is_not_waited_for_again_and_again(local_hub, picture):
    local_hub.faults.status = 503
    with pytest.raises(ModelUnavailable, match="status 503"):
        api.trace(picture, lineup="tiny")
    assert len(local_hub.asked) == 1


def test_the_list_says_what_can_be_had(taesd, local_hub, published):
    sd3, sd2 = registry.family("sd3"), registry.family("sd2")
    local_hub.add(sd3.source, published(sd3), "vae")
    local_hub.faults.gated = {sd3.source}
    rows = [registry.family("mini-kl"), TAESD, sd3, sd2]
    found = {each.family: each for each in availability.check(rows)}
    assert [found[row.id].status for row in rows] == ["bundled", "download", "gated", "gone"]
    assert found["taesd"].reason == ""
    assert found["taesd"].megabytes == pytest.approx(
        published(TAESD).joinpath(hub.WEIGHTS).stat().st_size / 1e6, abs=0.1
    )
    assert "https://huggingface.co/stabilityai/stable-diffusion-3-medium-diffusers" in found["sd3"].reason
    cache.load(TAESD)
    local_hub.stop()
    assert [each.status for each in availability.check(rows)] == ["bundled", "cached", "unreachable", "unreachable"]


def test_a_full_size_family_needs_no_threshold(local_hub, published):
    local_hub.add(SDXL.source, published(SDXL))
    (found,) = availability.check([SDXL])
    assert (found.status, found.reason) == ("download", "")


@pytest.mark.parametrize("row", registry.families("tiny"), ids=lambda row: row.id)
def test_the_real_tiny_autoencoders(row, local_hub):
    folder = SHARED / "weights" / row.id
    if not folder.exists():
        pytest.skip("the real weights are not on this machine")
    commit = local_hub.add(row.source, folder)
    model = cache.load(row)
    assert model.revision == commit

    photograph = samples.bundled_photographs(1, 128)[0]
    error = np.abs(autoencoder.reconstruct(photograph, model).astype(int) - photograph).mean()
    assert error < 16, "a trained autoencoder gives the picture back"
