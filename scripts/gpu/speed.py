"""Speed at ML-20M's shape: bare steps, small batches, compiled steps, evaluation, iALS, and whole epochs of the Trainer."""

from __future__ import annotations

import functools
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gpu.harness import Here, peak_gib, quiet_run, sync, timed
from gpu.planted import NCF, hit_rate_of_the_truth, model_of, planted, samples, settings
from hydrarec.config.composition import compose_config
from hydrarec.config.factory import factory
from hydrarec.data.batching.batches import Batch
from hydrarec.data.batching.queries import QueryLoader
from hydrarec.models.ials import IALS
from hydrarec.runs.folder import RunFolder
from hydrarec.training.callbacks.history import History

_POSITIVES = 5  # samples per positive: itself and four negatives


def _precision(name: str) -> None:
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")


def _autocast(name: str) -> Any:
    return torch.autocast(Here.device.type, dtype=torch.bfloat16, enabled=name == "bf16", cache_enabled=False)


def _steps(model: Any, optimizer: Any, batches: list[Batch], precision: str, loss: Any = None) -> None:
    for batch in batches:
        optimizer.zero_grad()
        with _autocast(precision):
            value = model.batch_loss(batch) if loss is None else loss(*batch)
        value.backward()
        optimizer.step()


def _batches(per: int, count: int) -> list[Batch]:
    source = samples()
    order = torch.randperm(len(source))[: per * count].to(Here.device)
    return source.batches(order, 0, [per] * (len(order) // per))


def set_up() -> dict[str, Any]:
    """Seconds to make the planted data and all parts of a run, and to put the samples on the device."""
    begun = time.perf_counter()
    planted()
    built, begun = time.perf_counter() - begun, time.perf_counter()
    samples()
    sync()
    return {"parts s": built, "samples on the device s": time.perf_counter() - begun}


def throughput() -> dict[str, Any]:
    """Bare steps on batches that lie ready; the draws of negatives by themselves."""
    per, source = Here.batch // _POSITIVES, samples()
    order = torch.randperm(len(source))[: 8 * per].to(Here.device)
    draws = timed(lambda: source.batches(order, 0, [per] * (len(order) // per)), 3)
    found: dict[str, Any] = {"draws, M samples/s": len(order) * _POSITIVES / draws / 1e6}
    batches = _batches(per, 8)
    ways = [(name, precision, True) for name in NCF for precision in ("fp32", "tf32", "bf16")]
    for name, precision, deterministic in [*ways, ("NeuMF-64", "tf32", False), ("NeuMF-64", "bf16", False)]:
        model, make = model_of(name)
        _precision(precision)
        torch.use_deterministic_algorithms(deterministic)
        optimizer = make()
        if Here.cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = timed(lambda m=model, o=optimizer, p=precision: _steps(m, o, batches, p), 3) / len(batches)
        key = f"{name} {precision}{'' if deterministic else ' not deterministic'}"
        found[key] = {"ms": seconds * 1e3, "M samples/s": per * _POSITIVES / seconds / 1e6, "peak GiB": peak_gib()}
    torch.use_deterministic_algorithms(False)
    _precision("fp32")
    return found


def profile() -> dict[str, Any]:
    """Kernels of three NeuMF steps by time, in profile.txt."""
    if not Here.cuda:
        return {"skipped": "no CUDA"}
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    batches, (model, make) = _batches(Here.batch // _POSITIVES, 3), model_of("NeuMF-64")
    optimizer = make()
    _precision("tf32")
    _steps(model, optimizer, batches, "tf32")
    sync()
    with profiled(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        _steps(model, optimizer, batches, "tf32")
        sync()
    _precision("fp32")
    text = found.key_averages().table(sort_by="self_cuda_time_total", row_limit=40, max_name_column_width=90)
    (Here.out / "profile.txt").write_text(text, encoding="utf-8")
    return {"file": "profile.txt"}


def small_batches() -> dict[str, Any]:
    """Batches of 4,096: eager, and a CUDA graph of 50 steps, which has to end at the same weights."""
    found: dict[str, Any] = {}
    per, count = (64, 10) if Here.tiny else (4096 // _POSITIVES, 50)
    batches = _batches(per, count)
    for name in ("MF-64", "GMF-64", "NeuMF-64"):
        model, _ = model_of(name)
        start = {key: value.clone() for key, value in model.state_dict().items()}
        optimizer = _adam(model)
        seconds = timed(lambda m=model, o=optimizer: _steps(m, o, batches, "fp32"), 3)
        found[f"{name} eager, M samples/s"] = per * count * _POSITIVES / seconds / 1e6
        if not Here.cuda:
            continue
        model.load_state_dict(start)
        optimizer = _adam(model)
        graph = _captured(model, optimizer, batches)
        found[f"{name} graph, M samples/s"] = per * count * _POSITIVES / timed(graph.replay, 5) / 1e6
        model.load_state_dict(start)
        for state in optimizer.state.values():
            for value in state.values():
                value.zero_()
        graph.replay()
        sync()
        by_graph = {key: value.clone() for key, value in model.state_dict().items()}
        model.load_state_dict(start)
        _steps(model, _adam(model), batches, "fp32")
        sync()
        found[f"{name} graph equals eager"] = all(torch.equal(by_graph[k], v) for k, v in model.state_dict().items())
    return found


def _adam(model: torch.nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=Here.cuda)


def _captured(model: Any, optimizer: Any, batches: list[Batch]) -> Any:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        _steps(model, optimizer, batches[:2], "fp32")
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        _steps(model, optimizer, batches, "fp32")
    return graph


def compiled() -> dict[str, Any]:
    """NeuMF-64 with torch.compile of its loss."""
    found: dict[str, Any] = {}
    per = Here.batch // _POSITIVES
    batches = _batches(per, 6)
    for precision in ("tf32", "bf16"):
        model, make = model_of("NeuMF-64")
        _precision(precision)
        loss = torch.compile(lambda u, i, t, m=model: m.objective.loss(m(u, i), t), dynamic=False)
        optimizer, begun = make(), time.perf_counter()
        work = functools.partial(_steps, model, optimizer, batches, precision, loss)
        work()
        sync()
        found[f"{precision}, first call s"] = time.perf_counter() - begun
        seconds = timed(work, 3) / len(batches)
        found[precision] = {"ms": seconds * 1e3, "M samples/s": per * _POSITIVES / seconds / 1e6}
    _precision("fp32")
    return found


def evaluation() -> dict[str, Any]:
    """Users per second under both protocols."""
    found: dict[str, Any] = {}
    loader = planted()[0].datamodule.test_dataloader()
    for name, protocol in (("MF-64", "sampled"), ("MF-64", "full"), ("NeuMF-64", "sampled")):
        if Here.cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = timed(functools.partial(_evaluate, name, protocol, loader), 2)
        key = f"{name}, {protocol}"
        found[key] = {"s": seconds, "users/s": len(loader.users) / seconds, "peak GiB": peak_gib()}
    return found


def _evaluate(name: str, protocol: str, loader: QueryLoader) -> None:
    model, _ = model_of(name)
    popularity = planted()[0].model.objective.popularity.cpu()
    node = compose_config([*settings(), f"task/protocol={protocol}"]).task.objective
    objective = factory(node)(popularity=popularity).to(Here.device)
    with torch.no_grad():
        objective.reset(thorough=False)
        for chunk in loader:
            for batch in chunk:
                objective.evaluate(model, batch)
        objective.report()


def ials() -> dict[str, Any]:
    """Seconds of one sweep, users then items, with 128 factors."""
    data = planted()[0].datamodule.training_data().to(Here.device)
    model, _ = model_of("iALS", "model=ials", "model.embedding_dim=16" if Here.tiny else "model.embedding_dim=128")
    assert isinstance(model, IALS)
    with torch.no_grad():
        begun = time.perf_counter()
        model.solve(data, 0)
        sync()
        first, begun = time.perf_counter() - begun, time.perf_counter()
        model.solve(data, 1)
        sync()
    return {"first sweep s": first, "second sweep s": time.perf_counter() - begun, "peak GiB": peak_gib()}


def as_users_run_it() -> dict[str, Any]:
    """Whole epochs through the Trainer: samples per second, and when the quality comes beside that of the truth."""
    found: dict[str, Any] = {"truth's val HR@10": hit_rate_of_the_truth()}
    parts, _, config = planted()
    for precision, compiled, epochs in (("32-true", False, 8), ("32-true", True, 6), ("bf16-mixed", True, 6)):
        parts.model.load_state_dict(model_of("NeuMF-64")[0].cpu().state_dict())
        ways = {"precision": precision, "matmul": "high", "compile": compiled, "epochs": 2 if Here.tiny else epochs}
        folder = RunFolder(Path(tempfile.mkdtemp()))
        again = replace(parts, settings=replace(parts.settings, **ways), history=History(folder), callbacks=[])
        if Here.cuda:
            torch.cuda.reset_peak_memory_stats()
        torch._dynamo.reset()  # noqa: SLF001  each way compiles anew, as a run of its own would
        begun = time.perf_counter()
        _, rows, result = quiet_run([], made=(again, folder, config))
        ends = np.cumsum([float(row["seconds"]) for row in rows])
        hits = [f"{end:.1f} s {float(row['val/hr@10/sampled99']):.4f}" for end, row in zip(ends, rows, strict=True)]
        found[f"{precision}, TF32{', compiled' if compiled else ''}"] = {
            "M samples/s per epoch": ", ".join(f"{float(row['samples_per_second']) / 1e6:.1f}" for row in rows),
            "all s": time.perf_counter() - begun,
            "val HR@10 after": ", ".join(hits),
            "test HR@10": result["metrics"]["test/hr@10/sampled99"],
            "peak GiB": peak_gib(),
        }
    _precision("fp32")
    return found


PARTS = [
    (70.0, set_up),
    (60.0, throughput),
    (20.0, profile),
    (30.0, small_batches),
    (60.0, as_users_run_it),
    (40.0, evaluation),
    (60.0, compiled),
    (40.0, ials),
]
