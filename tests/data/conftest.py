"""Fixtures that isolate the data-layer tests from the user's cache, data and network settings."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's cache, data or network settings; returns the cache folder."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HYDRAREC_CACHE_DIR", str(cache))
    for name in ("HYDRAREC_DATA_DIR", "HYDRAREC_OFFLINE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return cache
