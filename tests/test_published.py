"""Pickled modules are read without executing anything in them."""

import builtins
import os

import pytest

from tracer import published

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

SMALL = {
    "convnext_large": dict(depths=(1, 1, 1, 1), dims=(8, 8, 8, 8)),
    "eva02_large_patch14_224": dict(img_size=28, embed_dim=48, depth=1, num_heads=2),
    "tf_efficientnetv2_b0": dict(channel_multiplier=0.1),
}


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
