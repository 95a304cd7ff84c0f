"""hydrarec's sweepers, in the namespace from which Hydra loads plugins."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydrarec.config.composition import compose_config
from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.hints import literal
from hydrarec.sweeps import grid
from hydrarec.sweeps.journal import Job
from hydrarec.sweeps.task import SweepTask


class _Sweeper(Sweeper):
    """Base of both sweepers: holds Hydra's context, composes and launches jobs."""

    task: TaskFunction | None = None
    context: HydraContext | None = None
    launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.context, self.task = config, hydra_context, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def _parsed(self) -> tuple[list[Override], SweepTask]:
        """The sweep, which the task knows: Hydra's own arguments are those of the first job."""
        assert self.context is not None and isinstance(self.task, SweepTask)
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        return parser.parse_overrides(list(self.task.overrides)), self.task

    def _compose(self, job: Job) -> DictConfig:
        assert isinstance(self.task, SweepTask)
        folders = self.task.searchpath
        return compose_config([*([f"hydra.searchpath={literal(folders)}"] if folders else []), *job])

    def _launch(self, jobs: list[Job], first: int) -> Any:
        assert self.launcher is not None
        return self.launcher.launch([list(job) for job in jobs], initial_job_idx=first)


class GridSweeper(_Sweeper):
    """Runs all combinations, as Hydra's basic sweeper, but skips finished jobs, and no failed job ends the sweep.

    Args:
        max_batch_size: number of jobs that a launcher gets at once.
        params: overrides of the sweep by key; the task's overrides hold them already.
    """

    def __init__(self, max_batch_size: int, params: dict[str, str] | None) -> None:
        self.max_batch_size = max_batch_size

    def sweep(self, arguments: list[str]) -> Any:
        overrides, task = self._parsed()
        left = grid.unfinished(grid.combinations(overrides), task)
        grid.launch_all(left, self.max_batch_size, self._launch, self._compose, task)


class SearchSweeper(_Sweeper):
    """Runs one search per combination of plain lists (``model=dot,mlp``) over intervals, ranges and choices.

    Args:
        n_jobs: number of trials at a time; −1: one per core.
        params: overrides of the sweep by key; the task's overrides hold them already.
        settings: arguments of :class:`hydrarec.sweeps.search.Settings`.
    """

    def __init__(self, n_jobs: int, params: dict[str, str] | None, **settings: Any) -> None:
        self.at_once = n_jobs if n_jobs > 0 else os.cpu_count() or 1
        self.settings = settings

    def sweep(self, arguments: list[str]) -> Any:
        if importlib.util.find_spec("optuna") is None:
            raise EnvironmentFault(
                "hydra/sweeper=optuna needs Optuna, which is not installed",
                expected="the extra [optuna]",
                fix="pip install 'hydrarec[optuna]', or a sweep over a grid without hydra/sweeper=optuna",
            )
        from hydrarec.sweeps import search, space  # need Optuna, and only here

        overrides, task = self._parsed()
        searched = [override for override in overrides if space.is_dimension(override)]
        combinations = grid.combinations([override for override in overrides if override not in searched])

        def run(jobs: list[Job]) -> None:
            grid.launch_all(jobs, len(jobs), self._launch, self._compose, task)

        dimensions = [space.dimension_of(override) for override in searched]
        settings = search.Settings(**self.settings)
        search.run_searches(combinations, dimensions, task, settings, self.at_once, run, self._compose)
