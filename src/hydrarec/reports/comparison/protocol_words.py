"""Description of a protocol: data, split, evaluation, code and machine of its runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hydrarec.reports.comparison.content import Section
from hydrarec.reports.comparison.naming import shown
from hydrarec.runs.survey import Run


def protocol_words(section: Section) -> list[tuple[str, str]]:
    """Terms and descriptions for a definition list."""
    protocol, run = section.protocol, section.protocol.any_run
    data, parts = run.record["data"], run.record["split"].get("parts") or {}
    sizes = [f"{data[key]:,} {key}" for key in ("ratings", "users", "items") if isinstance(data.get(key), int)]
    rows = [f"{name} {part.get('ratings', 0):,}" for name, part in parts.items() if isinstance(part, dict)]
    fingerprints = sorted(protocol.split_fingerprints.items(), key=lambda entry: (entry[0] is not None, entry[0] or 0))
    of_split = [text[:12] if slot is None else f"seed {slot}: {text[:12]}" for slot, text in fingerprints[:12]]
    settings = [f"{key} = {shown(value)}" for key, value in protocol.settings.items()]
    found = [
        ("data", f"{protocol.dataset}: {', '.join(sizes)}; fingerprint {protocol.data_fingerprint[:12]}"),
        ("split", f"{section.split}; {', '.join(rows)}; fingerprint {', '.join(of_split)}"),
        ("evaluation", ", ".join(settings)),
        ("selected by", _common(section, _selected_by)),
        ("licence", str(data.get("licence") or "")),
        ("citation", str(data.get("citation") or "")),
        ("code", _common(section, _code)),
        ("machine", _common(section, _machine)),
    ]
    return [(term, words) for term, words in found if words]


def _common(section: Section, words: Any) -> str:
    """The values of ``words`` over the runs, most common first, with counts if they differ."""
    counts = Counter(words(run) for group in section.groups for run in group.runs)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{text or 'unknown'} ({count} runs)" for text, count in counts.most_common(6))


def _selected_by(run: Run) -> str:
    return str((run.result.get("selected") or {}).get("by") or "")


def _code(run: Run) -> str:
    provenance = run.record.get("provenance") or {}
    git, packages = provenance.get("git") or {}, provenance.get("packages") or {}
    commit = (
        f"commit {str(git['commit'])[:10]}{' with changes' if git.get('dirty') else ''}" if git.get("commit") else ""
    )
    versions = [f"{name} {packages[name]}" for name in ("hydrarec", "torch", "pytorch-lightning") if packages.get(name)]
    return ", ".join([*filter(None, [commit]), *versions])


def _machine(run: Run) -> str:
    machine = (run.record.get("provenance") or {}).get("machine") or {}
    return f"{machine.get('processor', '')}, {machine.get('cores', '?')} cores" if machine else ""
