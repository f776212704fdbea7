"""The endpoint, as a program sees it."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.conftest import ROOT, with_detector
from tracer.image import provenance
from tracer.models import registry
from tracer.ui import parameters

ALL = [row.id for row in registry.families("minis")]
SHOWN = [row.id for row in registry.families(registry.LINEUPS[0])]  # what the page asks at first


@pytest.fixture(scope="module")
def client(page_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(page_url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


ENDPOINTS = {  # with their parameters
    "trace_inversion": ["image", "mode", "families"],
    "map_grid": ["image", "family"],
    "find_artifacts": ["image", "tries"],
    "give_verdict": ["image", "draw"],
    "regenerate_image": ["image", "caption", "candidates", "seed", "fused"],
}


def test_only_the_documented_endpoints_are_public(client: Client):
    api = client.view_api(return_format="dict", print_info=False)
    assert not api["unnamed_endpoints"]
    assert {
        name.removeprefix("/"): [each["parameter_name"] for each in endpoint["parameters"]]
        for name, endpoint in api["named_endpoints"].items()
    } == ENDPOINTS


def test_the_endpoints_are_tools_for_agents(page_url: str):
    tools = {tool["name"]: tool["description"] for tool in httpx.get(f"{page_url}/gradio_api/mcp/schema").json()}
    assert set(tools) == set(ENDPOINTS)
    assert "autoencoder family" in tools["trace_inversion"]
    assert "any latent model's autoencoder" in tools["find_artifacts"]
    assert "which model draws" in tools["regenerate_image"]


def test_a_trace_keeps_the_contract_and_the_bytes(client: Client, rgba_png: Path):
    result = client.predict(handle_file(rgba_png), "grid", ALL, api_name="/trace_inversion")
    assert {"image", "verdict", "evidence", "versions"} <= set(result)
    assert result["image"]["sha256"] == hashlib.sha256(rgba_png.read_bytes()).hexdigest()
    assert result["image"]["notes"] == ["transparency flattened on white"]
    assert result["verdict"]["kind"] in ("family", "none", "undecided", "insufficient")
    assert [row["family"] for row in result["evidence"]] == ALL
    for row in result["evidence"]:
        assert {"score", "threshold", "p_value", "belongs", "steps", "seconds", "revision"} <= set(row)


@pytest.mark.parametrize("fused", [False, True])
def test_a_regeneration_keeps_the_contract_and_the_bytes(client: Client, rgba_png: Path, fused: bool):
    result = client.predict(handle_file(rgba_png), "red apple", 1, 1000, fused, api_name="/regenerate_image")
    assert result["image"]["sha256"] == hashlib.sha256(rgba_png.read_bytes()).hexdigest()
    assert result["caption"] == "red apple"
    assert {row["generator"] for row in result["ranking"]} <= set(registry.GENERATORS)
    assert fused or len(result["ranking"]) == len([row for row in registry.GENERATORS.values() if row.bundled])
    assert all({"similarity", "candidates"} <= set(row) for row in result["ranking"])
    assert ("inversion" in result) == fused
    assert result["verdict"]["kind"] in ("family", "none", "undecided", "insufficient")


def test_a_verdict_joins_what_there_is(client: Client, rgba_png: Path):
    result = client.predict(handle_file(rgba_png), False, api_name="/give_verdict")
    assert result["image"]["sha256"] == hashlib.sha256(rgba_png.read_bytes()).hexdigest()
    assert result["verdict"]["kind"] in ("family", "none", "undecided", "insufficient")
    assert "regeneration" in result["missing"] and "inversion" in result["evidence"]
    assert [row["candidate"] for row in result["matrix"]][:-2] == SHOWN


@with_detector
def test_a_look_for_marks_keeps_the_contract_and_the_bytes(client: Client, rgba_png: Path):
    result = client.predict(handle_file(rgba_png), 3, api_name="/find_artifacts")
    assert {"probability", "threshold", "fpr", "made_by_autoencoder", "tries", "detector"} <= set(result)
    assert result["image"]["sha256"] == hashlib.sha256(rgba_png.read_bytes()).hexdigest()
    assert 0 <= result["probability"] <= 1


@with_detector
def test_every_endpoint_says_what_the_page_says(client: Client, rgba_png: Path):
    """Answer, inspected windows, the detector, and what the file claims."""
    joint = client.predict(handle_file(rgba_png), False, api_name="/give_verdict")
    trace = client.predict(handle_file(rgba_png), "grid", ALL[:1], api_name="/trace_inversion")
    marks = client.predict(handle_file(rgba_png), 1, api_name="/find_artifacts")
    for result in (joint, trace, marks):
        assert set(result["answer"]) == {"kind", "line", "why", "sure"} and result["answer"]["line"]
        assert result["claims"]["summary"].endswith(provenance.FORGEABLE)
    assert "windows" in trace and "windows" in joint["evidence"]["inversion"]
    assert joint["evidence"]["artifacts"]["tries"] == [] or joint["evidence"]["artifacts"]["probability"] is not None


@pytest.mark.parametrize(
    ("endpoint", "rest"), [("/trace_inversion", ("grid", ALL)), ("/find_artifacts", (3,))], ids=str
)
def test_a_bad_file_gets_one_line(client: Client, not_an_image: Path, endpoint: str, rest: tuple):
    with pytest.raises(Exception, match="This is not an image of a kind that can be read here") as failure:
        client.predict(handle_file(not_an_image), *rest, api_name=endpoint)
    assert len(str(failure.value).splitlines()) == 1
    assert not_an_image.name not in str(failure.value)


def test_a_cancelled_stream_leaves_the_server_answering(client: Client, rgba_png: Path):
    stream = next(each for each in client.config["dependencies"] if each["api_name"] == "trace_all")
    endpoint = client.endpoints[stream["id"]]
    endpoint.is_valid = True  # private: the page's own stream, not offered to programs
    job = client.submit(handle_file(rgba_png), "grid", SHOWN, 3, False, fn_index=stream["id"])
    end = time.monotonic() + 90
    while not job.outputs() and time.monotonic() < end:
        time.sleep(0.05)
    assert job.outputs(), "the stream never began"
    job.cancel()
    result = client.predict(handle_file(rgba_png), "grid", ALL[:1], api_name="/trace_inversion")
    assert result["evidence"][0]["family"] == ALL[0]
    assert not result["evidence"][0]["stopped"]


def uploaded(page_url: str, path: Path) -> dict:
    with path.open("rb") as file:
        kept = httpx.post(f"{page_url}/gradio_api/upload", files={"files": file}).json()[0]
    return {"path": kept, "meta": {"_type": "gradio.FileData"}}


def answer(page_url: str, endpoint: str, data: list) -> str:
    call = f"{page_url}/gradio_api/call/{endpoint}"
    event = httpx.post(call, json={"data": data}).raise_for_status().json()["event_id"]
    return httpx.get(f"{call}/{event}", timeout=60).text


@pytest.mark.parametrize(
    ("endpoint", "rest", "named"),
    [
        ("find_artifacts", ["many"], "tries"),
        ("find_artifacts", [None], "tries"),
        ("find_artifacts", [True], "tries"),
        ("find_artifacts", [101], "tries"),
        ("find_artifacts", [], "tries"),
        ("trace_inversion", [None, []], "mode"),
        ("trace_inversion", ["slow", []], "mode"),
        ("trace_inversion", ["grid", ["unheard-of"]], "families"),
        ("trace_inversion", ["grid", "mini-kl"], "families"),
        ("map_grid", ["unheard-of"], "family"),
        ("give_verdict", ["yes"], "draw"),
        ("give_verdict", [None], "draw"),
        ("regenerate_image", ["word " * 200_000, 1, 1000, False], "caption"),
        ("regenerate_image", [None, 1, 1000, False], "caption"),
        ("regenerate_image", ["apple", 1.5, 1000, False], "candidates"),
        ("regenerate_image", ["apple", 1, None, False], "seed"),
        ("regenerate_image", ["apple", 1, -1, False], "seed"),
        ("regenerate_image", ["apple", 1, 1000, 1], "fused"),
    ],
)
def test_a_wrong_parameter_names_itself(page_url: str, rgba_png: Path, capfd, endpoint: str, rest: list, named: str):
    told = answer(page_url, endpoint, [uploaded(page_url, rgba_png), *rest])
    assert "event: error" in told
    assert f'"error": "{named}: ' in told
    assert "Traceback" not in capfd.readouterr().err


def test_text_that_cannot_be_encoded_is_refused():
    with pytest.raises(parameters.Wrong, match="caption"):
        parameters.text("caption", "\ud800", 10)


def test_the_queue_cannot_be_called_past(page_url: str, rgba_png: Path):
    given = {"data": [uploaded(page_url, rgba_png), "grid", []]}
    told = httpx.post(f"{page_url}/gradio_api/run/trace_inversion", json=given, timeout=20)
    assert told.status_code >= 400


@pytest.mark.parametrize("body", [bytes(3 * 2**20), None], ids=["with its length", "in pieces"])
def test_a_large_request_is_refused_before_it_is_read(page_url: str, body: bytes | None):
    pieces = body or (bytes(2**16) for _ in range(48))
    told = httpx.post(f"{page_url}/gradio_api/call/find_artifacts", content=pieces, timeout=20)
    assert told.status_code == 413


@pytest.mark.parametrize(
    "image",
    [None, "picture.png", 5, [], {}, {"path": 5}, {"path": "a.png", "meta": 3}, {"path": str(Path(__file__))}],
    ids=str,
)
@pytest.mark.parametrize(("endpoint", "rest"), [("find_artifacts", [1]), ("trace_inversion", ["grid", []])])
def test_an_image_is_needed(page_url: str, capfd, endpoint: str, rest: list, image: object):
    assert '"error": "image: ' in answer(page_url, endpoint, [image, *rest])
    assert '"error": "image: it is missing."' in answer(page_url, endpoint, [])
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("sent", [{}, {"meta": {"_type": "gradio.FileData"}}], ids=["bare", "as a file"])
@pytest.mark.parametrize("path", ["/etc/hostname", str(Path(__file__)), str(ROOT / "examples" / "photograph.png")])
def test_a_file_that_was_not_uploaded_is_refused(page_url: str, path: str, sent: dict):
    file = {"path": path, **sent}
    call = f"{page_url}/gradio_api/call/trace_inversion"
    answer = httpx.post(call, json={"data": [file, "grid", ALL]})
    if answer.is_success:
        answer = httpx.get(f"{call}/{answer.json()['event_id']}", timeout=60)
        assert "event: error" in answer.text
    assert "sha256" not in answer.text
    assert httpx.get(f"{page_url}/gradio_api/file={path}").status_code in (403, 404)


def test_the_page_is_hardened(page_url: str):
    assert httpx.get(f"{page_url}/monitoring").status_code in (403, 404)
    assert httpx.get(f"{page_url}/gradio_api/runs").status_code == 404
    large = {"files": ("large.png", b"\0" * (21 * 2**20), "image/png")}
    assert httpx.post(f"{page_url}/gradio_api/upload", files=large, timeout=60).status_code == 413
    config = httpx.get(f"{page_url}/config").json()
    assert not config.get("analytics_enabled")
    assert "Traceback" not in json.dumps(config)


NO_IMAGE = [(name, {}, "image") for name in ENDPOINTS]


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        *NO_IMAGE,
        ("find_artifacts", {"tries": "many"}, "tries"),
        ("trace_inversion", {"mode": "slow"}, "mode"),
        ("regenerate_image", {"candidates": 1.5}, "candidates"),
    ],
    ids=str,
)
def test_an_agent_is_told_what_is_missing_or_wrong(
    page_url: str, rgba_png: Path, name: str, arguments: dict, named: str
):
    if named != "image":
        arguments = {"image": f"data:image/png;base64,{base64.b64encode(rgba_png.read_bytes()).decode()}", **arguments}
    asked = {"name": name, "arguments": arguments}
    told = httpx.post(
        f"{page_url}/gradio_api/mcp/",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked},
        headers={"Accept": "application/json, text/event-stream"},
        timeout=120,
    ).text
    result = json.loads(told[told.index("data:") + 5 :])["result"]
    assert result["isError"]
    assert named in result["content"][0]["text"]
