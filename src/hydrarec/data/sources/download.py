"""The official download: pooch carries it; retried where that helps; every failure is worded for the user."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from hydrarec.core.console import progress
from hydrarec.data.sources.folders import require_space
from hydrarec.data.sources.refusal import Refusal

CONNECT, READ = 2.5, 15.0  # seconds; without a network the user waits for CONNECT once
ATTEMPTS = 3  # for connections that were made and then failed
PORTS = {"http": 80, "https": 443}


def download(url: str, target: Path, size: int | None) -> None:
    """Fetch ``url`` into the file ``target``; whether it is the right content is for the caller to judge.

    Raises:
        Refusal: it cannot be had, and why.
        EnvironmentFault: not enough space.
    """
    if size is not None:
        require_space(target.parent, 2 * size)
    _require_reachable(url)
    pooch.get_logger().setLevel("WARNING")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with progress(f"fetching {url}", size, "bytes") as advance:
                fetch = pooch.HTTPDownloader(progressbar=_Bar(advance), timeout=(CONNECT, READ))
                fetch(url, str(target), None)
            return
        except requests.RequestException as error:
            refusal, again = _worded(url, error)
            if attempt == ATTEMPTS or not again:
                raise refusal from error


def first_bytes(file: Path) -> str:
    """``; starts with '<html'`` if a web page was saved in place of a file, else nothing."""
    with file.open("rb") as stream:
        head = stream.read(200).lstrip()
    return f"; starts with '{head.split(b'>')[0][:30].decode('latin-1')}'" if head[:1] == b"<" else ""


class _Bar:
    """What pooch expects of a progress bar."""

    total = 0

    def __init__(self, advance: object) -> None:
        self._advance = advance

    def update(self, amount: float) -> None:
        self._advance(amount)  # type: ignore[operator]

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def _worded(url: str, error: requests.RequestException) -> tuple[Refusal, bool]:
    """The reason as a user reads it, and whether another attempt may help."""
    status = None if error.response is None else error.response.status_code
    if isinstance(error, requests.exceptions.SSLError):
        reason, again = f"its TLS certificate is not valid ({_innermost(error)})", False
    elif isinstance(error, requests.exceptions.TooManyRedirects):
        reason, again = "redirects without end", False
    elif isinstance(error, requests.exceptions.ConnectTimeout):
        reason, again = f"no answer within {CONNECT} s", False
    elif status is not None:
        reason, again = f"answered {status}", status >= 500
    elif isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        reason, again = f"connection lost {ATTEMPTS} times ({_innermost(error)})", True
    elif isinstance(error, requests.exceptions.Timeout):
        reason, again = f"silent for {READ:.0f} s", False
    else:
        reason, again = str(error), False
    return Refusal(url, reason, "network"), again


def _innermost(error: BaseException) -> str:
    """The cause beneath the layers of a network error, in a few words."""
    seen: BaseException = error
    while True:
        below = seen.__cause__ or next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        below = below or getattr(seen, "reason", None) or seen.__context__
        if not isinstance(below, BaseException) or below is seen:
            return str(seen).split("\n")[0][:120]
        seen = below


def _require_reachable(url: str) -> None:
    """Raise within :data:`CONNECT` seconds unless something listens at ``url``, or at the proxy on the way to it.

    Looking up a name has no time limit of its own and may take half a minute without a network; hence the thread.
    """
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    address = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
    outcome: list[str] = []

    def probe() -> None:
        try:
            socket.create_connection(address, timeout=CONNECT).close()
            outcome.append("")
        except OSError as error:
            outcome.append(error.strerror or str(error))

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(CONNECT)
    reason = outcome[0] if outcome else f"no answer within {CONNECT} s"
    with contextlib.suppress(IndexError):
        if reason:
            raise Refusal(url, f"{address[0]} cannot be reached ({reason})", "network")
