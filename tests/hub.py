"""A local Hub: the parts of the Hub's interface that huggingface_hub uses to find and fetch files, and its misdeeds.

Small files are answered at once, large ones by a redirect to a store on another port, as the real Hub does; so the
answer to a HEAD request carries commit, checksum and size (X-Repo-Commit, X-Linked-Etag, X-Linked-Size), and errors
carry an X-Error-Code.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGE = 4_000  # bytes from which a file lies in the store
PIECE = 2_000  # bytes that drip at a time


@dataclass
class Faults:
    """How the Hub misbehaves.

    Attributes:
        gated, gone: repositories that ask for a login, or that are not there.
        missing: file names that every repository lacks.
        status: an error to answer every question with.
        cut, cuts: the store closes the connection after so many bytes, so many times.
        drip: seconds between two pieces of `PIECE` bytes from the store.
        wrong: the store changes one byte.
        short: the store leaves out so many bytes and says that this is all.
        unmeasured: small files come in chunks, and nothing says how large they are.
    """

    gated: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    status: int = 0
    cut: int = 0
    cuts: int = 0
    drip: float = 0.0
    wrong: bool = False
    short: int = 0
    unmeasured: bool = False


class Hub:
    """The server. `repositories` maps names to commits to files; the newest commit is "main"."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.faults = Faults()
        self.asked: list[str] = []  # "GET /path", in order
        self._servers: list[ThreadingHTTPServer] = []
        self._ports = [0, 0]
        self.start()

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT should be."""
        return f"http://127.0.0.1:{self._ports[0]}"

    def add(self, repository: str, folder: Path, inside: str = "") -> str:
        """Publish the files of a folder and of those in it, as a new commit; return that commit.

        Args:
            repository: "owner/name".
            folder: whose files to publish.
            inside: the folder of the repository that they lie in.
        """
        prefix = f"{inside}/" if inside else ""
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        content = {prefix + path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        content[".gitattributes"] = b"*.safetensors filter=lfs\n"
        commit = hashlib.sha1(repository.encode() + b"".join(content.values())).hexdigest()
        self.repositories.setdefault(repository, {})[commit] = content
        return commit

    def start(self) -> None:
        """Listen, on the same ports as before where there was a before."""
        for index, kind in enumerate((_Front, _Store)):
            handler = type(kind.__name__, (kind,), {"hub": self})
            server = ThreadingHTTPServer(("127.0.0.1", self._ports[index]), handler)
            server.daemon_threads = True
            self._ports[index] = server.server_address[1]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self._servers.append(server)

    def stop(self) -> None:
        """Go away: connections are refused from here on."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be away for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def downloads(self) -> list[str]:
        """The large files that were asked for so far."""
        return [line for line in self.asked if line.startswith("GET /store/")]


def about(name: str, content: bytes) -> dict:
    """What the Hub says about a file when it is asked for the files of a model with their sizes."""
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    said = {"rfilename": name, "size": len(content), "blobId": git}
    if len(content) >= LARGE:
        said["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
    return said


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self.hub._servers:  # away, and this is a connection from before
            self.close_connection = True
            return
        self.hub.asked.append(f"{self.command} {self.path}")
        if self.hub.faults.status:
            self.answer(self.hub.faults.status)
        else:
            self.route()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


class _Front(_Handler):
    """The Hub itself."""

    def route(self) -> None:
        found = re.fullmatch(
            r"/(?:api/models/)?([^/]+/[^/]+)/(resolve|revision)/([^/]+)/?(.*)", self.path.partition("?")[0]
        )
        if not found:
            return self.answer(404)
        repository, what, revision, name = found.groups()
        if repository in self.hub.faults.gated and what == "resolve":  # what it is about, everybody may know
            return self.answer(401, X_Error_Code="GatedRepo", X_Error_Message="Access to this model is restricted.")
        commits = self.hub.repositories.get(repository)
        if commits is None or repository in self.hub.faults.gone:
            return self.answer(401, X_Error_Code="RepoNotFound")
        commit = list(commits)[-1] if revision == "main" else revision
        if commit not in commits:
            return self.answer(404, X_Error_Code="RevisionNotFound")
        if what == "revision":
            files = {name: each for name, each in commits[commit].items() if name not in self.hub.faults.missing}
            siblings = [about(name, content) for name, content in files.items()]
            body = json.dumps({"id": repository, "sha": commit, "siblings": siblings}).encode()
            return self.answer(200, body, Content_Type="application/json")
        content = commits[commit].get(name)
        if content is None or name in self.hub.faults.missing:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        return self.file(content, commit)

    def file(self, content: bytes, commit: str) -> None:
        if len(content) < LARGE:
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            if self.hub.faults.unmeasured:
                return self.chunks(content, ETag=f'W/"{etag}"', X_Repo_Commit=commit)
            return self.answer(200, content, ETag=f'"{etag}"', X_Repo_Commit=commit)
        digest = hashlib.sha256(content).hexdigest()
        return self.answer(
            302,
            Location=f"http://127.0.0.1:{self.hub._ports[1]}/store/{digest}",
            X_Repo_Commit=commit,
            X_Linked_Etag=f'"{digest}"',
            X_Linked_Size=str(len(content)),
            X_Xet_Hash=digest,  # the Hub offers its other protocol for every large file
            X_Xet_Refresh_Route=f"{self.hub.endpoint}/api/models/token",
        )

    def chunks(self, content: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Transfer-Encoding": "chunked", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))


class _Store(_Handler):
    """Where large files lie."""

    def route(self) -> None:
        digest, faults = self.path.rpartition("/")[2], self.hub.faults
        files = (
            file for commits in self.hub.repositories.values() for each in commits.values() for file in each.values()
        )
        content = next(file for file in files if hashlib.sha256(file).hexdigest() == digest)
        if faults.wrong:
            content = content[:-1] + bytes([content[-1] ^ 1])
        content = content[: len(content) - faults.short]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted.group(1)) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.send(content[start:], faults)

    def send(self, content: bytes, faults: Faults) -> None:
        if faults.cuts:
            faults.cuts -= 1
            self.wfile.write(content[: faults.cut])
            self.close_connection = True
            return
        while faults.drip and content:
            self.wfile.write(content[:PIECE])
            self.wfile.flush()
            content = content[PIECE:]
            time.sleep(faults.drip)
        self.wfile.write(content)
