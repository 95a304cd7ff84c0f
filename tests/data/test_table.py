"""Tables of ratings: rows, parts, restricted interactions, and the arithmetic that the splits share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.small_data import ABOUT, ANY_COUNTS, HALF_STARS, table_of

from hydrarec.core.errors import ConfigError, DataError, EnvironmentFault
from hydrarec.data.batching.samples import CatalogueSamples
from hydrarec.data.datasets.base import Dataset, FileDataset
from hydrarec.data.filters import FilteredSource
from hydrarec.data.ids import as_raw
from hydrarec.data.interactions import fingerprint_of, interactions_of
from hydrarec.data.readers.faults import Rules
from hydrarec.data.sources.archive import Archive
from hydrarec.data.sources.base import Refusal, RequiredFiles, html_start
from hydrarec.data.sources.folders import cache_root, storage_fault
from hydrarec.data.splits.chronology import timestamps_of
from hydrarec.data.splits.split import deal, require_training_share
from hydrarec.data.table import TEST, TRAIN, VALIDATION, Columns, ItemTexts, joined

TABLE = table_of([1, 2, 2], [5, 5, 9], [4, 3, 1], [10, 20, 30])
TEXTS = ItemTexts({5: "Five", 9: "Nine\tand more"}, {9: "War"})
DATA = interactions_of(TABLE, name="t", scale=HALF_STARS, duplicates="error", texts=TEXTS)


def test_rows_of_columns() -> None:
    columns = Columns(users=np.arange(3), items=np.arange(3), ratings=np.ones(3, np.float32))
    assert len(columns) == 3
    assert columns.at(np.array([2, 0])).users.tolist() == [2, 0]
    assert set(columns.columns) == {"users", "items", "ratings", "timestamps", "part"}
    assert TABLE.at(np.array([2])).places([0]) == [(Path("ratings.csv"), 4)]


def test_joined_tables_keep_parts_and_lose_times_that_one_lacks() -> None:
    both = joined([TABLE, table_of(["a"], [5], [2])], [TRAIN, TEST])
    assert both.users.tolist() == ["1", "2", "2", "a"]
    assert both.part is not None
    assert both.part.tolist() == [TRAIN, TRAIN, TRAIN, TEST]
    assert both.timestamps is None
    assert both.places([3, 1]) == [(Path("ratings.csv"), 2), (Path("ratings.csv"), 3)]


def test_restricted_interactions_equal_those_of_fewer_rows() -> None:
    some = DATA.restricted_to(np.array([2]))
    fewer = interactions_of(TABLE.at(np.array([2])), name="t", scale=HALF_STARS, duplicates="error", texts=TEXTS)
    assert some.fingerprint == fewer.fingerprint == fingerprint_of(fewer, fewer.user_ids, fewer.item_ids)
    assert (some.titles, some.genres) == (("Nine and more",), ("War",))
    assert (some.users.tolist(), some.user_ids.to_list()) == ([0], [2])


def test_raw_ids_are_integers_or_text() -> None:
    assert as_raw([3, 1]).dtype == np.int64
    assert as_raw(["3", "x"]).tolist() == ["3", "x"]
    assert as_raw([2**70]).tolist() == [str(2**70)]
    with pytest.raises(TypeError, match="must not be floats"):
        as_raw([1.5])  # type: ignore[list-item]


def test_dealing_rows_to_parts() -> None:
    assert deal(np.array([3, 0, 2, 1]), 1, 2).tolist() == [VALIDATION, TRAIN, VALIDATION, TEST]
    require_training_share(0.5, 0.49)
    with pytest.raises(ConfigError, match="nothing to train on"):
        require_training_share(0.5, 0.5)


def test_a_split_that_needs_times_names_those_that_do_not() -> None:
    class Source(Dataset):
        def unused_times(self) -> list[str]:
            return ["rated_at", "date"]

    assert timestamps_of(DATA, Dataset(), "split=x").tolist() == [10, 20, 30]
    timeless = interactions_of(table_of([1], [1], [1]), name="t", scale=HALF_STARS, duplicates="error", texts=None)
    with pytest.raises(ConfigError, match="split=x needs timestamps") as caught:
        timestamps_of(timeless, Dataset(), "split=x")
    assert "user_ratio" in caught.value.expected
    assert "dataset.time=<name>" in caught.value.fix
    with pytest.raises(ConfigError) as caught:
        timestamps_of(timeless, Source(), "split=x")
    assert caught.value.fix == "dataset.time=rated_at, or dataset.time=date"


# -- datasets and their sources ----------------------------------------------------------------------------------------


def test_a_dataset_has_no_folds_and_no_candidates_of_its_own() -> None:
    class Plain(Dataset):
        name = "plain"

    assert Plain().candidates() is None
    assert FilteredSource(Plain()).candidates() is None  # type: ignore[func-returns-value]
    with pytest.raises(DataError, match="plain has no official folds"):
        Plain().official_fold(1)
    with pytest.raises(ConfigError, match="a filter leaves some out"):
        FilteredSource(Plain()).official_fold(1)


def test_files_are_read_once_and_then_cached(tmp_path: Path) -> None:
    file = tmp_path / "ratings"
    file.touch()
    rules = Rules(scale=HALF_STARS, ids="auto", on_bad_rows="error")
    dataset, reads = FileDataset("t", ABOUT, ANY_COUNTS, rules), []
    for _ in range(2):
        found = dataset.load_files([file], ["x"], lambda: reads.append(1) or TABLE, lambda: TEXTS)  # type: ignore[func-returns-value]
        assert found.fingerprint == DATA.fingerprint
    assert reads == [1]


def test_required_files_and_their_alternatives(tmp_path: Path) -> None:
    required = RequiredFiles(alternatives=[["a", "b"], ["c"]], files=["a", "b", "c", "d"])
    (tmp_path / "a").touch()
    assert required.missing_in(tmp_path) == ["b"]
    assert required.missing(["c"]) == []
    assert required.missing_in(tmp_path / "nowhere") == ["a", "b"]


def test_an_archive_verifies_the_digest_that_is_known(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_text(" <html><p>404")
    assert html_start(file) == "; starts with '<html'"
    Archive(url=None, size=None, sha256=None, md5=None, package=None).verify(file)
    with pytest.raises(
        Refusal, match=r"wrong checksum: MD5 .*, expected 00, 13 bytes instead of 9; starts with '<html'"
    ):
        Archive(url=None, size=9, sha256=None, md5="00", package=None).verify(file)


def test_faults_of_the_cache(tmp_path: Path, own_folders: Path) -> None:
    assert cache_root() == own_folders
    full, refused = storage_fault(OSError(28, "full"), tmp_path), storage_fault(OSError(13, "denied"), tmp_path)
    assert isinstance(full, EnvironmentFault)
    assert "the disk is full" in full.what
    assert refused.what == "cannot be written: denied"


def test_a_positive_against_the_whole_catalogue() -> None:
    samples = CatalogueSamples(torch.tensor([7, 8]), torch.tensor([1, 0]), num_items=3)
    (batch,) = samples.batches(torch.tensor([1]), epoch=0, sizes=[1])
    assert batch.users.tolist() == [[8]]
    assert batch.items.tolist() == [[0, 1, 2]]
    assert batch.targets.tolist() == [0]
