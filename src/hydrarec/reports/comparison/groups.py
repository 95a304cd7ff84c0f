"""Group runs by configuration, and configurations by protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydrarec.runs.identity import SPLIT_SEED, Settings
from hydrarec.runs.survey import Run


@dataclass
class Group:
    """The runs of one configuration, which differ only in the seed.

    Attributes:
        settings: dotted keys to values, without the seed and the protocol's settings.
        runs: one per seed, ordered by seed. repeats: further runs of the same seeds, excluded from all means.
        lost: runs of this configuration without a result.
        name: unique in the report (:mod:`hydrarec.reports.comparison.naming`).
    """

    settings: dict[str, Any]
    runs: list[Run] = field(default_factory=list)
    repeats: list[Run] = field(default_factory=list)
    lost: list[Run] = field(default_factory=list)
    name: str = ""

    @property
    def seeds(self) -> list[int]:
        return [run.seed for run in self.runs]

    @property
    def looks(self) -> int:
        """How often runs of this configuration computed test metrics."""
        return sum(any(name.startswith("test/") for name in run.metrics) for run in [*self.runs, *self.repeats])

    def values(self, metric: str) -> dict[int, float]:
        """The metric by seed, for the runs that have it."""
        return {run.seed: run.metrics[metric] for run in self.runs if metric in run.metrics}


@dataclass
class Protocol:
    """The data, split and evaluation that several groups share.

    Attributes:
        settings: dotted keys to values. follows: whether the split uses the run's seed.
        split_fingerprints: by seed if the split follows it, else under the key None.
        pruned: search trials under this protocol that were pruned.
    """

    dataset: str
    data_fingerprint: str
    settings: dict[str, Any]
    follows: bool
    split_fingerprints: dict[int | None, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    pruned: list[Run] = field(default_factory=list)

    @property
    def task(self) -> str:
        return str(self.settings.get("task.name", ""))

    @property
    def any_run(self) -> Run:
        return self.groups[0].runs[0]

    @property
    def monitor(self) -> str | None:
        """The validation metric that selected the best epochs."""
        monitor: str | None = self.any_run.config["task"].get("monitor")
        return monitor


def group_runs(runs: Sequence[Run]) -> list[Protocol]:
    """Group the finished runs by configuration and protocol, ordered by folder.

    A split seed that follows the run's seed is not part of the configuration: the runs of one seed share a split. A
    fixed split seed is part of the protocol. Runs whose data or splits have different fingerprints get different
    protocols, whatever their configurations are.
    """
    settings = Settings()
    facts = [_Facts(run, settings) for run in runs if run.state == "finished"]
    _settle_followers(facts)
    protocols: dict[str, list[Protocol]] = defaultdict(list)
    groups: dict[tuple[int, str], Group] = {}
    for fact in facts:
        variants = protocols[fact.heading]
        protocol = next((known for known in variants if fact.fits(known)), None)
        if protocol is None:
            protocol = fact.new_protocol()
            variants.append(protocol)
        protocol.split_fingerprints[fact.slot] = fact.split_fingerprint
        identity = (id(protocol), fact.configuration)
        if identity not in groups:
            groups[identity] = Group(fact.own)
            protocol.groups.append(groups[identity])
        _add(groups[identity], fact.run)
    in_order = [protocol for variants in protocols.values() for protocol in variants]
    _assign_lost([run for run in runs if run.state != "finished"], in_order, settings)
    return in_order


def _assign_lost(runs: Iterable[Run], protocols: Sequence[Protocol], settings: Settings) -> None:
    """Assign runs without a result to the group that matches their configuration alone: most never read the data."""
    by_protocol: dict[str, list[Protocol]] = defaultdict(list)
    by_configuration: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for protocol in protocols:
        for group in protocol.groups:
            own, shared = settings.of(group.runs[0].config)
            by_configuration[own.text, shared.text].append(group)
        by_protocol[settings.of(protocol.any_run.config)[1].text].append(protocol)
    for run in runs:
        if not isinstance(run.config.get("model"), dict):
            continue
        own, shared = settings.of(run.config)
        if run.state == "pruned" and len(by_protocol[shared.text]) == 1:
            by_protocol[shared.text][0].pruned.append(run)
        elif len(by_configuration[own.text, shared.text]) == 1:
            by_configuration[own.text, shared.text][0].lost.append(run)


class _Facts:
    """The facts that determine a run's group and protocol."""

    def __init__(self, run: Run, settings: Settings) -> None:
        own, protocol = settings.of(run.config)
        self.run, self.own, self.protocol = run, own.values, protocol.values
        self.split_seed = run.config["split"].get("seed")
        self.data_fingerprint = str(run.record["data"]["fingerprint"])
        self.split_fingerprint = str(run.record["split"]["fingerprint"])
        self.dataset = str((run.config.get("dataset") or {}).get("name") or run.record["data"].get("name") or "?")
        self.configuration = own.text
        self.protocol_text = f"{self.dataset} {self.data_fingerprint} {protocol.text}"
        self.follows = False

    @property
    def diagonal(self) -> bool:
        return self.split_seed is not None and self.split_seed == self.run.seed

    @property
    def slot(self) -> int | None:
        return self.run.seed if self.follows else None

    @property
    def heading(self) -> str:
        return f"{self.protocol_text} {'follows' if self.follows else self.split_seed}"

    def fits(self, protocol: Protocol) -> bool:
        return protocol.split_fingerprints.get(self.slot, self.split_fingerprint) == self.split_fingerprint

    def new_protocol(self) -> Protocol:
        seed = {} if self.split_seed is None or self.follows else {SPLIT_SEED: self.split_seed}
        return Protocol(self.dataset, self.data_fingerprint, {**self.protocol, **seed}, self.follows)


def _settle_followers(facts: list[_Facts]) -> None:
    """Decide for each run whether its split's seed follows its own.

    It does if the configuration was run with several seeds on as many splits. A single run is inconclusive: it is
    treated like the others of its protocol, and as fixed if they are inconclusive too.
    """
    seeds: dict[tuple[str, str], set[int]] = defaultdict(set)  # by configuration, of diagonal runs
    fixed: set[tuple[str, int]] = set()  # (protocol, split seed) pairs used by runs of another seed
    for fact in facts:
        if fact.diagonal:
            seeds[fact.protocol_text, fact.configuration].add(fact.run.seed)
        elif fact.split_seed is not None:
            fixed.add((fact.protocol_text, fact.split_seed))
    followed = {text for (text, _), values in seeds.items() if len(values) > 1}
    for fact in facts:
        several = len(seeds[fact.protocol_text, fact.configuration]) > 1
        unclaimed = (fact.protocol_text, fact.split_seed) not in fixed
        fact.follows = fact.diagonal and (several or (unclaimed and fact.protocol_text in followed))


def _add(group: Group, run: Run) -> None:
    """Add a run; the earliest of each seed counts, because choosing among repeats would select by the test part."""
    same = next((known for known in group.runs if known.seed == run.seed), None)
    if same is None:
        group.runs.append(run)
    elif run.started and run.started < same.started:
        group.runs[group.runs.index(same)] = run
        group.repeats.append(same)
    else:
        group.repeats.append(run)
    group.runs.sort(key=lambda known: known.seed)
