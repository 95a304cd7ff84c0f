"""Atomic folders: complete or absent, whatever happens while they are filled."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.small_data import CLEAN, content, own_file, published, serving, tree, zip_of

from hydrarec.core.errors import EnvironmentFault
from hydrarec.data.sources.folders import locked, require_space, sweep, whole_folder


def filled(final: Path, contents: list[str], fail_after: int | None = None) -> None:
    with whole_folder(final) as temporary:
        for number, content in enumerate(contents):
            if number == fail_after:
                raise KeyboardInterrupt
            (temporary / f"{number}").write_text(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    before=st.lists(st.text("ab"), max_size=3) | st.none(),
    after=st.lists(st.text("cd"), min_size=1, max_size=3),
    data=st.data(),
)
def test_an_interruption_leaves_what_was_there(
    before: list[str] | None, after: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("folders")
    final = root / "final"
    if before is not None:
        filled(final, before)
    expected = tree(root)
    with pytest.raises(KeyboardInterrupt):
        filled(final, after, fail_after=data.draw(st.integers(0, len(after) - 1)))
    assert tree(root) == expected
    filled(final, after)
    assert tree(root) == {f"final/{number}": content.encode() for number, content in enumerate(after)}


def test_what_a_kill_leaves_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".ml-1m.abc.part"
    left.mkdir()
    (left / "half").write_text("x")
    with whole_folder(tmp_path / "ml-100k") as filling:
        sweep(tmp_path)
        assert filling.exists()
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name != ".locks"] == ["ml-100k"]


def test_a_lock_keeps_other_processes_out_until_its_owner_is_gone(tmp_path: Path) -> None:
    script = "import sys, pathlib; from hydrarec.data.sources.folders import locked\n"
    script += "with locked(pathlib.Path(sys.argv[1])): print('got it', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(tmp_path / "ml")]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "got it\n"
        left = tmp_path / ".ml.abc.part"
        left.mkdir()
        sweep(tmp_path)
        assert left.exists()
        other.kill()
        with locked(tmp_path / "ml"), locked(tmp_path / "ml"):
            pass
    sweep(tmp_path)
    assert not left.exists()


def test_without_locks_folders_are_filled_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*args: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("filelock.FileLock._acquire", no_locks)
    for text in ("a", "b"):
        filled(tmp_path / "final", [text])
    left = tmp_path / ".final.abc.part"
    left.mkdir()
    sweep(tmp_path)
    assert left.exists()  # another process may be filling it
    assert (tmp_path / "final" / "0").read_text() == "b"


def test_too_little_space_names_needed_and_free(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"1,000,000,000,000 MB needed, [\d,]+ MB free"):
        require_space(tmp_path, 10**18)


KILLED = """
import importlib, os, signal, sys
sys.path[:0] = {path!r}
module = importlib.import_module("hydrarec.data.{module}")
original = module.{name}
def kill(*args, **kwargs):
    {when}
    os.kill(os.getpid(), signal.SIGKILL)
module.{name} = kill
from tests.data.small_data import own_file, published
{work}
"""
NOW, AFTER = "pass", "original(*args, **kwargs)"
POINTS = [  # (module, function, when): the process is killed there
    ("cache", "write_json", NOW),
    ("cache", "write_json", AFTER),
    ("cache", "sha256_of", NOW),
    ("sources.folders", "sync_folder", NOW),
    ("sources.folders", "_replace", NOW),
    ("sources.folders", "_replace", AFTER),
    ("sources.archive", "unpack", NOW),
    ("sources.archive", "unpack", AFTER),
]


@pytest.mark.parametrize(("module", "name", "when"), POINTS)
def test_a_kill_at_any_time_leaves_no_half_data_set(
    module: str, name: str, when: str, tmp_path: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRAREC_DATA_DIR", str(tmp_path))
    zip_of(tmp_path / "tiny.zip", {"tiny/ratings.csv": CLEAN, "tiny/movies.csv": "movieId,title,genres\n"})
    script = KILLED.format(module=module, name=name, when=when, path=sys.path, work="published().load()")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    for path in own_folders.glob("*/*"):
        if not path.name.startswith("."):
            required = ["meta.json"] if path.parent.name == "interactions" else ["movies.csv", "ratings.csv"]
            assert set(required) <= {file.name for file in path.iterdir()}
    found = published().load()
    (tmp_path / "clean.csv").write_text(CLEAN)
    assert found.fingerprint == own_file(tmp_path / "clean.csv").load().fingerprint
    assert not list(own_folders.glob("*/.*.part"))


EIGHT = """
import sys
sys.path[:0] = {path!r}
from tests.data.small_data import published
sys.stdin.readline()
print(published(url={url!r}).load().fingerprint)
"""


def test_eight_processes_at_once_on_an_empty_cache(tmp_path: Path, own_folders: Path) -> None:
    rows = "".join(
        f"{user},{item},{1 + (user + item) % 5},{user * item}\n" for user in range(300) for item in range(60)
    )
    archive = zip_of(tmp_path / "served.zip", {"tiny/ratings.csv": CLEAN.split("\n")[0] + "\n" + rows})
    with serving(content(archive.read_bytes())) as (address, asked):
        command = [sys.executable, "-c", EIGHT.format(path=sys.path, url=f"{address}/tiny.zip")]
        processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) for _ in range(8)]
        for process in processes:  # all started first, then let go together
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        outcomes = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, outcomes
    assert len({fingerprint for fingerprint, _ in outcomes}) == 1
    assert asked == ["/tiny.zip"]
    assert not list(own_folders.glob("*/.*.part"))
    assert sorted(path.name for path in own_folders.iterdir()) == ["datasets", "interactions"]
