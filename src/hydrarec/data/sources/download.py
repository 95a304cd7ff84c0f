"""Downloads files with pooch and retries if that may help; failures become readable reasons."""

from __future__ import annotations

import socket
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pooch
import requests

from hydrarec.core.console import progress
from hydrarec.data.sources.base import Refusal
from hydrarec.data.sources.folders import require_space

CONNECT, READ = 2.5, 15.0  # timeouts in seconds; without a network the user waits for CONNECT once
ATTEMPTS = 3  # for connections that fail after they were established
PORTS = {"http": 80, "https": 443}


def download(url: str, target: Path, size: int | None) -> None:
    """Fetch ``url`` into the file ``target``; the caller checks the content.

    Raises:
        Refusal: the download failed; gives the reason.
        EnvironmentFault: there is not enough disk space.
    """
    if size is not None:
        require_space(target.parent, 2 * size)
    _require_reachable(url)
    pooch.get_logger().setLevel("WARNING")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with progress(f"fetching {url}", size, "bytes") as advance:
                bar = SimpleNamespace(total=0, update=advance, reset=lambda: None, close=lambda: None)
                pooch.HTTPDownloader(progressbar=bar, timeout=(CONNECT, READ))(url, str(target), None)
            return
        except requests.RequestException as error:
            reason, retry = _explain(error)
            if attempt == ATTEMPTS or not retry:
                raise Refusal(url, reason, "network") from error


def _explain(error: requests.RequestException) -> tuple[str, bool]:
    """The reason in words for the user, and whether a retry may help."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"its TLS certificate is not valid ({_root_cause(error)})", False
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "redirects without end", False
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no answer within {CONNECT} s", False
    if error.response is not None:
        return f"answered {error.response.status_code}", error.response.status_code >= 500
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return f"connection lost {ATTEMPTS} times ({_root_cause(error)})", True
    if isinstance(error, requests.exceptions.Timeout):
        return f"silent for {READ:.0f} s", False
    return str(error), False


def _root_cause(error: BaseException) -> str:
    """The root cause of a nested network error, in a few words."""
    below: object = error
    while isinstance(below, BaseException):
        error = below
        inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        below = error.__cause__ or inner or getattr(error, "reason", None) or error.__context__
    return str(error).split("\n")[0][:120]


def _require_reachable(url: str) -> None:
    """Raise within :data:`CONNECT` seconds unless the host of ``url``, or its proxy, accepts connections.

    Name resolution has no timeout and may take half a minute without a network, so it runs in a thread.
    """
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    address = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
    reasons = [f"no answer within {CONNECT} s"]

    def probe() -> None:
        try:
            socket.create_connection(address, timeout=CONNECT).close()
            reasons.clear()
        except OSError as error:
            reasons[:] = [error.strerror or str(error)]

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(CONNECT)
    if reasons:
        raise Refusal(url, f"{address[0]} cannot be reached ({reasons[0]})", "network")
