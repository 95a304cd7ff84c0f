"""A setting in an error's fix line survives the shell and Hydra unchanged."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hydrarec.config.composition import parse_overrides
from hydrarec.core.hints import setting

TEXTS = st.text(
    st.one_of(st.sampled_from("ab\\'\"$={}[],:; \t\n#~!&|<>()*?`0.-"), st.characters(exclude_categories=["Cs", "Cc"])),
    max_size=8,
)


def read(words: list[str]) -> object:
    return OmegaConf.create({"read": parse_overrides(words)[0].value()}).read


@given(TEXTS)
@example("a\\")
@example("\\'")
@example("${seed}")
@example("null")
@example("1e3")
@example("~/ratings=2 (1), 'new'.csv")
def test_text_is_read_as_itself(text: str) -> None:
    assert read(shlex.split(setting("name", text))) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ratings.csv", "x=ratings.csv"),
        (";", "x=\"';'\""),
        ("a=b,c", "x=\"'a=b,c'\""),
        (3, "x=3"),
        (None, "x=null"),
        (True, "x=true"),
        ([0.1, 0.2], 'x="[0.1,0.2]"'),
        ({"epochs": 3}, 'x="{epochs:3}"'),
    ],
)
def test_quotes_only_where_they_are_needed(value: object, text: str) -> None:
    assert setting("x", value) == text
    assert read(shlex.split(text)) == value


def test_bash_reads_the_words_as_shlex_does() -> None:
    words = [
        setting("name", text) for text in (";", "\t", " ", "a'b", 'a"b', "$HOME", "`ls`", "a\\", "!!", "*", "#x", "ü")
    ]
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {' '.join(words)}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == [shlex.split(word)[0] for word in words]
