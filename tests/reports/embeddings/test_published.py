"""Reference C5 on a run of C1, where $HYDRAREC_DATA_DIR has its data: our extremes include the published best and worst."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.reports.embeddings.planted import frame_of, settings

from hydrarec.config.composition import compose_config, plain
from hydrarec.models.trained import load_run
from hydrarec.reports.embeddings.analysis_subject import subject_of
from hydrarec.reports.embeddings.sections import bias_section as biases
from hydrarec.training.job import execute

BEST = (
    *("Shawshank Redemption, The (1994)", "Godfather, The (1972)", "Usual Suspects, The (1995)"),
    *("Schindler's List (1993)", "To Kill a Mockingbird (1962)", "Pulp Fiction (1994)", "Fargo (1996)"),
    *("Matrix, The (1999)", "Silence of the Lambs, The (1991)", "Godfather: Part II, The (1974)"),
    *("Star Wars: Episode IV - A New Hope (1977)", "Forrest Gump (1994)", "Dark Knight, The (2008)"),
    *("12 Angry Men (1957)", "Rear Window (1954)"),
)
WORST = (
    *("Battlefield Earth (2000)", "Inspector Gadget (1999)", "Anaconda (1997)", "Speed 2: Cruise Control (1997)"),
    *("Wild Wild West (1999)", "Mighty Morphin Power Rangers: The Movie (1995)", "Super Mario Bros. (1993)"),
    *(
        "Batman & Robin (1997)",
        "Haunting, The (1999)",
        "Flintstones, The (1994)",
        "Superman III (1983)",
        "Congo (1995)",
    ),
    *("Showgirls (1995)", "Little Nicky (2000)", "Message in a Bottle (1999)"),
)


@pytest.mark.e2e
def test_published_lists_are_met_again(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "ml-latest-small-2016").is_dir():
        pytest.skip("$HYDRAREC_DATA_DIR has no ml-latest-small-2016/")
    overrides = ["experiment=fastai_library_dot_bias", "logger=none"]
    execute(plain(compose_config(overrides)), tmp_path / "run", overrides)
    run = load_run(tmp_path / "run")
    subject = subject_of(run.model, run.data, run.task)
    assert set(BEST) | set(WORST) <= set(subject.labels)
    assert subject.item_biases is not None
    found = frame_of(biases.of_items(subject, subject.item_biases, settings(bias_list=40)), "best_and_worst")
    best, worst = (set(found[found["list"] == name]["title"]) for name in ("best", "worst"))
    assert len(best & set(BEST)) >= 8
    assert len(worst & set(WORST)) >= 8
