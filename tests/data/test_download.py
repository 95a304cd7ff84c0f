"""Downloads and their failures, with a server on 127.0.0.1."""

from __future__ import annotations

import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.data.small_data import content, serving

from hydrarec.data.sources import download as module
from hydrarec.data.sources.base import Refusal
from hydrarec.data.sources.download import download

BODY = bytes(range(256)) * 400


def refused(url: str, tmp_path: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        download(url, tmp_path / "file", None)
    assert caught.value.kind == "network"
    assert caught.value.source == url
    return caught.value


def cut_short(times: int) -> object:
    """An answer that breaks off the first ``times`` times."""
    left = [times]

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(BODY)))
        request.end_headers()
        left[0] -= 1
        request.wfile.write(BODY[:1000] if left[0] >= 0 else BODY)

    return answer


def test_the_content_arrives(tmp_path: Path) -> None:
    with serving(content(BODY)) as (address, _):
        download(f"{address}/x", tmp_path / "file", len(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_connection_that_is_cut_is_tried_again(tmp_path: Path) -> None:
    with serving(cut_short(2)) as (address, asked):  # type: ignore[arg-type]
        download(f"{address}/x", tmp_path / "file", None)
    assert (tmp_path / "file").read_bytes() == BODY
    assert len(asked) == 3


def test_a_connection_that_is_always_cut(tmp_path: Path) -> None:
    with serving(cut_short(99)) as (address, asked):  # type: ignore[arg-type]
        assert "connection lost 3 times" in refused(f"{address}/x", tmp_path).reason
    assert len(asked) == 3


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (500, 3), (503, 3)])
def test_an_error_is_named_and_tried_again_only_if_that_may_help(status: int, attempts: int, tmp_path: Path) -> None:
    with serving(content(b"", status)) as (address, asked):
        assert refused(f"{address}/x", tmp_path).reason == f"answered {status}"
    assert len(asked) == attempts


def test_redirects_without_end(tmp_path: Path) -> None:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/again")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(answer) as (address, _):
        assert refused(f"{address}/x", tmp_path).reason == "redirects without end"


def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        reason = refused(f"http://127.0.0.1:{server.getsockname()[1]}/x", tmp_path).reason
    assert reason.startswith("silent for")


def test_a_name_whose_look_up_takes_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(module, "CONNECT", 0.1)

    def look_up(*args: object, **kwargs: object) -> None:
        released.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", look_up)
    started = time.monotonic()
    assert "no answer within 0.1 s" in refused("http://files.invalid/x", tmp_path).reason
    assert time.monotonic() - started < 5
    released.set()


def test_a_name_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert (
        "files.invalid cannot be reached (Name or service not known)"
        in refused("http://files.invalid/x", tmp_path).reason
    )


def test_a_proxy_is_what_must_be_reachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(content(BODY)) as (address, asked):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        download("http://files.invalid/x", tmp_path / "file", None)
        assert asked == ["http://files.invalid/x"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_that_is_not_valid_is_refused_not_ignored(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        reason = refused(f"https://127.0.0.1:{server.server_address[1]}/x", tmp_path).reason
        server.shutdown()
    assert reason.startswith("its TLS certificate is not valid")
    assert asked == []
