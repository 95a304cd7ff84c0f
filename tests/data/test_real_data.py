"""Tests on the published files, if $HYDRAREC_DATA_DIR has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from tests.data.small_data import tree

from hydrarec.analysis.description import describe
from hydrarec.data.datasets.base import Ratings

CONF = Path(__file__).parents[2] / "conf" / "dataset"


def dataset(name: str, real_data: Path) -> Ratings:
    if not (real_data / name).is_dir():
        pytest.skip(f"$HYDRAREC_DATA_DIR has no {name}/")
    source: Ratings = instantiate(OmegaConf.load(CONF / f"{name}.yaml"), _convert_="all")
    return source


@pytest.mark.parametrize(
    ("name", "shape", "scale", "first"),
    [
        ("ml-100k", (100_000, 943, 1_682), (1.0, 5.0), (1, 1, 5.0, 874965758)),
        ("ml-latest-small", (100_836, 610, 9_724), (0.5, 5.0), (1, 1, 4.0, 964982703)),
        ("ml-latest-small-2016", (100_004, 671, 9_066), (0.5, 5.0), (1, 31, 2.5, 1260759144)),
    ],
)
def test_counts_scale_and_first_rating(name: str, shape: Any, scale: Any, first: Any, real_data: Path) -> None:
    found = dataset(name, real_data).load()
    assert (len(found), found.num_users, found.num_items) == shape
    assert found.scale == scale
    assert found.timestamps is not None
    user, item = found.user_ids.raw[found.users[0]], found.item_ids.raw[found.items[0]]
    assert (user, item, found.ratings[0], found.timestamps[0]) == first
    assert found.titles is not None
    assert found.genres is not None
    toy_story = found.item_ids.index_of(1)
    assert found.titles[toy_story] == "Toy Story (1995)"
    assert "Comedy" in found.genres[toy_story].split("|")
    assert len(found.titles) == len(found.genres) == found.num_items


def test_the_busiest_corner_is_the_published_one(real_data: Path) -> None:
    """Of C5's cross-tab of the 15 most active users and the 15 most rated films."""
    data = dataset("ml-latest-small-2016", real_data).load()
    table = describe(data, users=15, items=15, advance=lambda steps: None).cross_tab
    users = [15, 30, 73, 212, 213, 294, 311, 380, 452, 468, 509, 547, 564, 580, 624]
    items = [1, 110, 260, 296, 318, 356, 480, 527, 589, 593, 608, 1196, 1198, 1270, 2571]
    assert data.user_ids.raw[table.users].tolist() == users
    assert data.item_ids.raw[table.items].tolist() == items
    assert table.ratings[0, :6].tolist() == [2, 3, 5, 5, 2, 1]  # user 15: Toy Story, Braveheart, Star Wars, …


def test_reading_writes_nothing_beside_the_data(real_data: Path, own_folders: Path) -> None:
    before = tree(real_data)
    source = dataset("ml-latest-small-2016", real_data)
    assert source.load().fingerprint == source.load().fingerprint
    assert tree(real_data) == before


@pytest.mark.parametrize("fold", range(1, 6))
def test_the_official_folds_of_ml_100k(fold: int, real_data: Path) -> None:
    parts = dataset("ml-100k", real_data).official_fold(fold)
    assert np.bincount(parts).tolist() == [80_000, 0, 20_000]


def test_the_test_parts_of_the_official_folds_are_disjoint_and_complete(real_data: Path) -> None:
    source = dataset("ml-100k", real_data)
    times_in_test = sum((source.official_fold(fold) == 2).astype(int) for fold in range(1, 6))
    assert np.all(times_in_test == 1)


def test_the_packaged_copy_is_the_same_data(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for RecBole's files: a header of its own, the ratings of u.data, and titles apart from years."""
    own = dataset("ml-100k", real_data).load()
    copy = tmp_path / "copy" / "ml-100k"
    copy.mkdir(parents=True)
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (copy / "ml-100k.inter").write_text(header + (real_data / "ml-100k" / "u.data").read_text())
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(copy.parent))
    assert instantiate(OmegaConf.load(CONF / "ml-100k.yaml"), _convert_="all").load().fingerprint == own.fingerprint
