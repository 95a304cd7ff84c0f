"""Hyper-parameter search: one Optuna study per combination of the command line, with the same number of trials each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.judge import judge
from hydrarec.core import console
from hydrarec.core.errors import ConfigError
from hydrarec.runs.identity import config_hash
from hydrarec.sweeps.journal import ENDS, Job
from hydrarec.sweeps.space import Space, corners, read_space
from hydrarec.sweeps.studies import Sessions, make_study, running_trial
from hydrarec.sweeps.task import SEARCH, TRIAL, SweepTask, shortened, what_differs

Run = Callable[[list[Job]], Any]
Compose = Callable[[Job], DictConfig]


@dataclass(frozen=True)
class Settings:
    """Sampling and pruning of trials.

    Args:
        seed: each trial samples from a seed derived from this one, so a killed search, restarted, chooses the same trials.
        startup_trials: number of random trials before the TPE sampler uses earlier results.
        pruning: whether to stop trials that are worse than the median of the others up to the same epoch.
        pruning_startup_trials: number of ended trials before any is pruned.
        pruning_warmup_epochs: no trial is pruned before this epoch.
    """

    seed: int
    startup_trials: int
    pruning: bool
    pruning_startup_trials: int
    pruning_warmup_epochs: int

    @property
    def pruner(self) -> dict[str, Any] | None:
        if not self.pruning:
            return None
        return {"n_startup_trials": self.pruning_startup_trials, "n_warmup_steps": self.pruning_warmup_epochs}

    def sampler(self, study: str, number: int) -> optuna.samplers.TPESampler:
        seed = int(hashlib.sha256(f"{self.seed} {study} {number}".encode()).hexdigest()[:8], 16)
        return optuna.samplers.TPESampler(n_startup_trials=self.startup_trials, seed=seed, constant_liar=True)


class Search:
    """The study of one combination and its trials.

    Args:
        fixed: overrides of the combination.
        dimensions: dimensions from the command line; they replace those of the same key in the model's search space.
        compose: function that composes overrides, with the user's own folders among the sources.

    Raises:
        ConfigError: no dimension, no metric to optimise, or an invalid value at an end of a dimension.
    """

    def __init__(
        self, fixed: Job, dimensions: Space, task: SweepTask, settings: Settings, compose: Compose = compose_config
    ) -> None:
        self.fixed, self.task, self.settings = fixed, task, settings
        composed = compose(fixed)
        config = plain(composed)
        self.trials, self.monitor, self.mode = composed.sweep.trials, config["task"]["monitor"], config["task"]["mode"]
        given = {dimension.key: dimension for dimension in dimensions}
        shipped = {d.key: d for d in read_space(OmegaConf.to_container(composed.sweep.space))}  # type: ignore[arg-type]
        self.space: Space = list({**shipped, **given}.values())
        self._judge(config, compose)
        space = hashlib.sha256(repr(self.space).encode()).hexdigest()[:8]
        self.name = f"{config_hash(config)}-{space}"  # a different space is a different study
        self.title = what_differs(fixed, task.swept | {"task", "dataset", "model"})
        self.study = make_study(str(task.folder / SEARCH), self.name, mode=self.mode, pruner=settings.pruner)
        default = {d.key: d.parameter(OmegaConf.select(composed, d.key)) for d in self.space}
        if not self.study.get_trials(deepcopy=False) and None not in default.values():
            self.study.enqueue_trial(default, skip_if_exists=True)  # so the best trial is never worse than the defaults

    def _judge(self, config: dict[str, Any], compose: Compose) -> None:
        if self.monitor is None:
            raise ConfigError(
                "a search needs a validation metric, and this task has none",
                expected="a task with a monitor",
                fix="a grid: hydra/sweeper=grid",
            )
        if not self.space:
            raise ConfigError(
                f"there is nothing to search for in {' '.join(self.fixed) or 'the defaults'}",
                expected="a search_space in conf/model/<model>.yaml, or an interval(…) or choice(…) on the command line",
                fix="hydra/sweeper=grid runs it as it is",
            )
        for corner in corners(self.space):
            judge(plain(compose((*self.fixed, *corner))))

    def next_trials(self, most: int, sessions: Sessions) -> dict[int, Job]:
        """Return the jobs of at most ``most`` trials by trial number, abandoned trials first, then new ones."""
        with sessions.choosing:
            abandoned = sessions.abandoned(self.study)
            trials = [running_trial(self._ready(trial.number), trial) for trial in abandoned[:most]]
            begun = len(self.study.get_trials(deepcopy=False, states=_BEGUN))
            while len(trials) < most and begun < self.trials:
                number = begun  # Optuna numbers trials in order of asking, except an enqueued one
                trials.append(self._ready(number).ask())
                begun += 1
            for trial in trials:
                sessions.claim(trial)
        jobs = {trial.number: self._job(trial) for trial in trials}
        self.task.journal.write(*({"event": "planned", "overrides": job} for job in jobs.values()))
        return jobs

    def tell(self, jobs: dict[int, Job]) -> None:
        """Report ended trials to the study; an interrupted trial stays abandoned and runs again later."""
        ends = self.task.journal.last_events(*ENDS)
        for number, job in jobs.items():
            end = ends.get(job)
            if end is None:
                continue
            if end.get("value") is not None:
                self.study.tell(number, end["value"])
            else:
                self.study.tell(number, state=TrialState.PRUNED if end["event"] == "pruned" else TrialState.FAIL)

    def line(self) -> str:
        """Summary of the search: counts of trials, and the best one."""
        trials = self.study.get_trials(deepcopy=False, states=_ENDED)
        counts = Counter(trial.state for trial in trials)
        words = [f"{len(trials)} of {self.trials} trials ({counts[TrialState.COMPLETE]} done, "
                 f"{counts[TrialState.PRUNED]} pruned, {counts[TrialState.FAIL]} failed)"]  # fmt: skip
        if counts[TrialState.COMPLETE]:
            best: FrozenTrial = self.study.best_trial
            words.append(f"best {self.monitor} {best.value:.4f} in trial {best.number}")
            words.append(shortened(" ".join(f"{key}={value}" for key, value in best.params.items())))
        return f"search {self.title}: " + ", ".join(words)

    def _ready(self, number: int) -> optuna.Study:
        self.study.sampler = self.settings.sampler(self.name, number)
        return self.study

    def _job(self, trial: optuna.Trial) -> Job:
        chosen = [f"{dimension.key}={dimension.suggest(trial)}" for dimension in self.space]
        return (*self.fixed, f"{TRIAL}{{study:{self.name},number:{trial.number}}}", *chosen)


_BEGUN = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def run_searches(
    combinations: Sequence[Job],
    dimensions: Space,
    task: SweepTask,
    settings: Settings,
    at_once: int,
    run: Run,
    compose: Compose = compose_config,
) -> None:
    """Run the trials of every combination, ``at_once`` at a time; validate every space before the first trial."""
    searches = [Search(fixed, dimensions, task, settings, compose) for fixed in combinations]
    sessions = Sessions(task.folder, task.session)
    try:
        for search in searches:
            while jobs := search.next_trials(at_once, sessions):
                try:
                    run(list(jobs.values()))
                finally:
                    search.tell(jobs)
    finally:
        sessions.close()
    console.write("\n" + "\n".join(search.line() for search in searches) + "\n")
