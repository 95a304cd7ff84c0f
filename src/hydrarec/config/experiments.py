"""Experiments in ``conf/experiment`` and the published results that each is compared with."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omegaconf import OmegaConf

from hydrarec.config.judge import judge_against
from hydrarec.config.location import conf_dir
from hydrarec.config.schema import Published

# Former override → current overrides. Published ids, once names of experiments, are looked up in published_rows().
_FORMER = {
    "model=e1": "model=ncf_mlp model.embedding_dim=8 model.hidden_dims=[64,32] model.dropout=[0.0,0.0] model.init_scale=0.05",
    "experiment=E1_100k": "experiment=ncf_all_users dataset=ml-100k",
    "experiment=E1_1m": "experiment=ncf_all_users dataset=ml-1m",
    "experiment=E1_small": "experiment=ncf_all_users dataset=ml-latest-small-2016",
    "experiment=he2017_gmf8_start": "experiment=he2017_gmf experiment.size=8",
    "experiment=he2017_gmf16_start": "experiment=he2017_gmf experiment.size=16",
    "experiment=he2017_gmf64_start": "experiment=he2017_gmf experiment.size=64",
}


@dataclass(frozen=True)
class PublishedRow:
    """A published result and the overrides of the run that is compared with it.

    Attributes:
        experiment: name of the experiment's file.
    """

    experiment: str
    published: Published

    @property
    def overrides(self) -> list[str]:
        return [f"experiment={self.experiment}", *(self.published.overrides or ())]


@functools.cache
def published_rows() -> Mapping[str, PublishedRow]:
    """All published results by id, sorted.

    Raises:
        ConfigError: an entry does not match :class:`Published`.
    """
    rows = {}
    for path in (conf_dir() / "experiment").glob("*.yaml"):
        entries = OmegaConf.to_container(OmegaConf.load(path)).get("published") or []  # type: ignore[union-attr]
        for entry in entries if isinstance(entries, list) else [entries]:
            judge_against(Published, entry, f"{path.name}: published")
            rows[entry["id"]] = PublishedRow(path.stem, Published(**entry))
    return dict(sorted(rows.items()))


def todays_overrides(former: Sequence[str]) -> list[str]:
    """Translate the overrides of an old run folder to current names.

    The overrides that replace a former name never take precedence over others in ``former``.
    """
    typed = {override.split("=")[0] for override in former}
    overrides = []
    for override in former:
        renamed = renamed_override(override)
        overrides += [one for one in renamed if one.split("=")[0] not in typed - {override.split("=")[0]}]
    return overrides


def renamed_override(override: str) -> list[str]:
    """Translate one override: itself, or the overrides that a former or published name stands for."""
    group, _, option = override.partition("=")
    if override in _FORMER:
        return _FORMER[override].split()
    is_file = (conf_dir() / "experiment" / f"{option}.yaml").is_file()
    row = published_rows().get(option) if group == "experiment" and not is_file else None
    return [override] if row is None else row.overrides
