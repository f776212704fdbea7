"""Pickled modules are read without executing anything in them."""

import builtins
import json
import os

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tracer.cli import app
from tracer.evidence.artifacts import published

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

SMALL = {
    "convnext_large": dict(depths=(1, 1, 1, 1), dims=(8, 8, 8, 8)),
    "eva02_large_patch14_224": dict(img_size=28, embed_dim=48, depth=1, num_heads=2),
    "tf_efficientnetv2_b0": dict(channel_multiplier=0.1),
}
NARROW = SMALL["tf_efficientnetv2_b0"]


@pytest.mark.parametrize("name", SMALL)
def test_a_whole_pickled_module_keeps_its_answers(name, tmp_path):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=1, **SMALL[name]).eval()
    torch.save(model, tmp_path / "whole.pth")
    images = torch.rand(2, 3, *((28, 28) if "eva" in name else (64, 64)))
    with torch.inference_mode():
        again = published.network(tmp_path / "whole.pth", name, **SMALL[name])(images)
        assert torch.equal(again, model(images))


class Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("how", ["system", "eval", "getattr", "load"])
def test_a_hostile_pickle_is_refused_in_one_line_and_does_nothing(how, nested, tmp_path):
    mark = tmp_path / "ran"
    evil = {
        "system": Call(os.system, f"touch {mark}"),
        "eval": Call(builtins.eval, f"open({str(mark)!r}, 'w')"),
        "getattr": Call(builtins.getattr, Call(builtins.__import__, "os"), "system"),
        "load": Call(torch.load, str(mark)),
    }[how]
    module = torch.nn.Linear(1, 1)
    module.extra = {"deep": [evil]}
    torch.save(module if nested else evil, tmp_path / "evil.pth")
    with pytest.raises(published.UnsafeFile, match=rf"^refused: the file asks for \S+\.{how}$") as error:
        published.tensors(tmp_path / "evil.pth")
    assert "\n" not in str(error.value) and not mark.exists()


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / "other.pth")
    with pytest.raises(published.UnsafeFile, match=r"other\.pth are not those of convnext_large"):
        published.network(tmp_path / "other.pth", "convnext_large", **SMALL["convnext_large"])


@pytest.fixture
def small_detector(tmp_path, monkeypatch):
    """The smallest published network, narrower still, as the authors' file would hold it."""
    row = published.Published(
        "efficientnetv2-b0", "model_effnet.pth", "tf_efficientnetv2_b0", 96, tuple(NARROW.items())
    )
    monkeypatch.setattr(published, "PUBLISHED", {row.id: row})
    torch.manual_seed(0)
    model = timm.create_model(row.network, num_classes=1, **NARROW).eval()
    torch.save(model, tmp_path / row.file)
    return tmp_path / row.file, model


def test_a_pickle_is_converted_once_and_then_asked_without_it(small_detector, tmp_path):
    file, model = small_detector
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    found = CliRunner().invoke(app, ["artifacts", str(tmp_path / "image.png"), "--published", str(file), "--json"])
    assert found.exit_code == 0, found.stderr
    document = json.loads(found.stdout)
    values = (torch.from_numpy(pixels / 255.0).float() - torch.tensor(published.MEAN)) / torch.tensor(published.STD)
    with torch.inference_mode():
        expected = torch.sigmoid(model(values.permute(2, 0, 1)[None])).item()
    assert document["probability"] == pytest.approx(expected, abs=1e-3)
    assert document["made_by_autoencoder"] is None and document["threshold"] is None
    assert len(document["tries"]) == 1, "there is only one crop of that size"

    kept = file.with_suffix(".safetensors")
    before = kept.stat().st_mtime_ns
    published.converted(file)
    assert kept.stat().st_mtime_ns == before
    file.unlink()
    assert published.find(tmp_path)[0] == kept, "the pickle is no longer needed"
    again = CliRunner().invoke(app, ["artifacts", str(tmp_path / "image.png"), "--published", str(tmp_path)])
    assert again.exit_code == 0 and "no threshold" in again.stdout


def test_what_cannot_be_asked_is_said_in_one_line(small_detector, tmp_path):
    file, _ = small_detector
    Image.fromarray(np.zeros((70, 200, 3), np.uint8)).save(tmp_path / "small.png")
    torch.save(Call(os.system, f"touch {tmp_path / 'ran'}"), file)
    Image.fromarray(np.zeros((99, 99, 3), np.uint8)).save(tmp_path / "large.png")
    (tmp_path / "empty").mkdir()
    for image, detector, words in (
        ("small.png", file, "96 x 96"),
        ("large.png", file, "refused: the file asks for"),
        ("large.png", tmp_path / "empty", "published detectors"),
        ("large.png", tmp_path / "missing.pth", "No such file"),
    ):
        found = CliRunner().invoke(app, ["artifacts", str(tmp_path / image), "--published", str(detector)])
        assert found.exit_code == 2 and words in found.stderr and found.stderr.count("\n") == 1
    assert not (tmp_path / "ran").exists() and not file.with_suffix(".safetensors").exists()
