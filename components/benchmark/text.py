"""The report as Markdown, and the sentences that every form of it says."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from components.benchmark.standings import RESAMPLES
from components.core.bundle import write_text
from components.evaluation.protocol import NEW, VIEW_WORDS
from components.splits.last import fewest

METRICS = {"ndcg": "NDCG", "hit_rate": "HitRate", "recall": "Recall", "mrr": "MRR", "coverage": "Coverage"}
NOTHING = "–"
BEST = ["best", NOTHING, NOTHING]
USUAL = {"k": 10, "first_seed": 7, "minutes": 30.0}  # what the command need not say
FLAGS = {"k": "--k", "first_seed": "--first-seed", "minutes": "--minutes-per-model"}
TURNS = {"leave_last_out": "events", "leave_last_basket": "baskets"}  # what is held out of a user
SPLIT_WORDS = {
    "temporal": "one cut-off time for everybody",
    "leave_last_out": "the last event of every user who has enough of them is asked about",
    "leave_last_basket": "the last basket of every user who has enough of them is asked about",
    "sessions": "the last event of every session after a cut-off time is asked about; a session is a user",
}


def title(report: dict[str, Any]) -> str:
    """What the benchmark is of, so that two of the same data do not read alike."""
    asked = report["asked"]
    told = [asked["protocol"]]
    told += ["validation fold"] if asked["validation"] else []
    told += [f"{asked['seeds']} seeds"] if asked["seeds"] > 1 else []
    return f"{report['data']['name']}: {', '.join(told)}"


def command(report: dict[str, Any]) -> str:
    """The command that makes these figures again, with the reader's own folders in the place of ours."""
    asked, data = report["asked"], report["data"]
    where = {"sequences": "<folder with sequences.txt>", "snapshot": "<folder of clean tables>"}
    file = shlex.quote(data["file"]) if data.get("file") else where.get(data["kind"], "params.yaml")
    parts = ["shoploop benchmark", "--data", file, "--protocol", asked["protocol"]]
    finished = ",".join(e for e, entry in report["entries"].items() if entry["cost"])
    parts += ["--models", asked.get("models", finished), "--out", "<folder>"]  # older reports do not say who was asked
    parts += [f"--params {shlex.quote(given['file'])}"] if (given := report.get("params")) else []
    parts += [f"--seeds {asked['seeds']}"] if asked["seeds"] > 1 else []
    parts += [f"{flag} {asked[name]}" for name, flag in FLAGS.items() if asked[name] != USUAL[name]]
    parts += [f"--lists <file>={shlex.quote(name)}" for name, entry in report["entries"].items() if not entry["cost"]]
    parts += [f"--{flag}" for flag in ("repeats", "validation") if asked[flag]]
    parts += [f"--{name.replace('_', '-')} {value}" for name, value in asked["density"].items()]
    return " ".join(parts)


def protocol_sentences(report: dict[str, Any]) -> list[str]:
    """How it was measured, and what leaks, in plain sentences."""
    data, asked = report["data"], report["asked"]
    method = report["split"]["method"]
    fold = "validation fold: figures to choose by, not to quote" if asked["validation"] else "test fold"
    masked = (
        "Two views: all items may be listed; or only items that are new to the user."
        if NEW in asked["views"] and asked["repeats"]
        else "All items may be listed: nobody went on to one that was new to him, so there is no view of those."
        if asked["repeats"]
        else "Items of a user's history are masked."
    )
    ranked = (
        f"{data['asked_users']:,} users are asked; all {data['items']:,} items of the catalogue are ranked, ties in "
        f"the order of the catalogue; fitted on {data['events']:,} events of {data['users']:,} users. {masked}"
    )
    intervals = (
        f"Intervals: 95 %, bootstrap over users{_seed_words(asked)}. p: paired bootstrap against the best, corrected "
        "for the number of comparisons (Holm)."
    )
    return [
        f"Protocol {asked['protocol']}: {SPLIT_WORDS.get(method, method)}. Asked: the {fold}.",
        f"What leaks: {data['leaks']}.",
        ranked,
        *left_out_sentences(report),
        intervals,
        *_options_sentences(report),
    ]


def _options_sentences(report: dict[str, Any]) -> list[str]:
    """Which file the options are of, told by its content, and which lines it replaced; nothing where there was none."""
    given = report.get("params")
    if not given:
        return []
    words = {"replaced": "in the place of presets", "added": "new"}
    lines = "; ".join(f"{', '.join(given[kind])} ({said})" for kind, said in words.items() if given[kind])
    return [f"Lines of {given['file']} (sha256 {given['sha256']}): {lines}."]


def left_out_sentences(report: dict[str, Any]) -> list[str]:
    """What of the data is not in the figures, with counts."""
    data, split = report["data"], report["split"]
    read = "Every line could be read."
    if data["rejected"] or data["unreadable"]:
        why = f" ({'; '.join(data['rejected_why'])})" if data.get("rejected_why") else ""
        lacking = f"{data['unreadable']:,} events lacked an item, a type or a time, or held what could not be read"
        lacking += f" ({'; '.join(data['unreadable_why'])})" if data.get("unreadable_why") else ""
        read = f"{data['rejected']:,} lines could not be read{why}, and {lacking}."
    least, only = _least(split), _only(split)
    dropped = (
        f"{data['target_outside_share']:.2%} of what was to be foretold names items that are {only}, and "
        f"{data['target_unknown_users']:,} users are {only}: they are dropped."
    )
    said = [read, dropped, *_not_asked(report)]
    if least != (1, 1):
        said.append(f"Items with fewer than {least[0]} users and users with fewer than {least[1]} items are left out.")
    seen = data["only_seen_before"].get(NEW, 0)
    if seen:
        said.append(f"{seen:,} users went on to nothing but items they had before; they do not count among new items.")
    return said


def _least(split: dict[str, Any]) -> tuple[int, int]:
    """Users that an item needs, and items that a user needs, to be fitted on."""
    return split["min_users_per_item"], split["min_items_per_user"]


def _only(split: dict[str, Any]) -> str:
    """Why items and users of the target are in no history."""
    return "only in the target" if _least(split) == (1, 1) else "only in the target, or left out as too rare"


def _not_asked(report: dict[str, Any]) -> list[str]:
    """How many users are fitted on and not asked, and why; older reports do not know."""
    counts, split = report["data"].get("not_asked", {}), report["split"]
    why = "did nothing that could be held out"
    if turns := TURNS.get(split["method"]):
        why = f"have fewer than {fewest(split['min_turns'], report['asked']['fold'])} {turns}"
    only = f"went on to nothing but items that are {_only(split)}"
    words = {"nothing_held_out": why, "only_unknown_items": only}
    return [f"{counts[n]:,} users {said}: fitted on, not asked." for n, said in words.items() if counts.get(n)]


def _seed_words(asked: dict[str, Any]) -> str:
    return f" of the mean over {asked['seeds']} seeds" if asked["seeds"] > 1 else "; one seed"


def table(report: dict[str, Any], view: str) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of one view, best first."""
    k, seeds = report["asked"]["k"], report["asked"]["seeds"]
    columns = ["model", *(f"{words}@{k}" for words in METRICS.values()), "95 % of NDCG"]
    columns += ["between seeds"] if seeds > 1 else []
    columns += ["best minus it", "std errors", "p (Holm)", "fit CPU s", "users / CPU s", "peak MB"]
    return columns, [_row(report, view, name, k, seeds) for name in report["views"][view]["order"]]


def _row(report: dict[str, Any], view: str, name: str, k: int, seeds: int) -> list[str]:
    part = report["views"][view]
    cells = part["figures"][name]
    ndcg = cells[f"ndcg_at_{k}"]
    finished = report["entries"][name]["seeds"]
    some = report["entries"][name]["cost"] and finished < seeds
    row = [f"{name} ({finished} of {seeds} seeds)" if some else name]
    row += [f"{cells[f'{metric}_at_{k}']['mean']:.4f}" for metric in METRICS]
    row.append(f"{ndcg['low']:.4f}–{ndcg['high']:.4f}")
    row += [spread(part["seeds"][name])] if seeds > 1 else []
    against = part["against_best"].get(name)
    row += [f"{against['mean']:.4f}", _errors(against["standard_errors"]), _p(against)] if against else BEST
    cost = report["entries"][name]["cost"]
    numbers = ("fit_cpu_seconds", "users_per_cpu_second", "peak_mb")
    if not cost:
        return row + [NOTHING] * 3
    digits = dict(zip(numbers, (1, 0, 0), strict=True))
    return row + [NOTHING if cost[n] is None else f"{cost[n]:,.{digits[n]}f}" for n in numbers]


def _errors(found: float | None) -> str:
    return NOTHING if found is None else f"{found:.1f}"


def _p(against: dict[str, float]) -> str:
    """The corrected p value; "<" where no resample crossed 0, for more of them might give less."""
    resamples = against.get("resamples", RESAMPLES)
    return f"{'< ' if against['p'] <= 2 / (resamples + 1) else ''}{against['p_holm']:.3f}"


def spread(values: list[float]) -> str:
    """Standard deviation between seeds."""
    if len(values) < 2:
        return NOTHING
    mean = sum(values) / len(values)
    return f"±{(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5:.4f}"


def slice_rows(report: dict[str, Any], view: str) -> tuple[list[str], list[list[str]]]:
    """NDCG of the best entrants by slice of the users."""
    names = report["views"][view]["order"][:6]
    rows = [
        [s["by"], s["slice"], f"{s['users']:,}", *(f"{s['figures'][name]['mean']:.4f}" for name in names)]
        for s in report["views"][view]["slices"]
    ]
    return ["by", "users with", "users", *names], rows


def option_rows(report: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: what every entrant is, and which options its line sets."""
    rows = [
        [
            name,
            entry["component"],
            ", ".join(f"{option} {value}" for option, value in entry["params"].items()) or "none",
        ]
        for name, entry in report["entries"].items()
    ]
    return ["model", "component", "options that its line sets"], rows


def absent(report: dict[str, Any]) -> list[str]:
    """Whose lists are not in the table, of which seed, and why."""
    failed = [f"{f['name']} (seed {f['seed']}): {f['reason']}" for f in report["failed"]]
    return failed + [f"{name}: {reason}" for name, reason in report["left_out"].items()]


def remarks(report: dict[str, Any]) -> list[str]:
    """What entrants and readers remarked."""
    said = [f"{name}: {remark}" for name, entry in report["entries"].items() for remark in entry["remarks"]]
    return [*report["data"]["remarks"], *said]


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; names and numbers only, so that nothing needs to be escaped but bars."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def write(report: dict[str, Any], path: Path) -> Path:
    """Write the report as Markdown; returns its path."""
    parts = [f"# {title(report)}", f"`{command(report)}`", *protocol_sentences(report)]
    for view in report["asked"]["views"]:
        parts += [f"## Ranking {VIEW_WORDS[view]}", markdown_table(*table(report, view))]
        parts += [f"### NDCG@{report['asked']['k']} by slice", markdown_table(*slice_rows(report, view))]
    for heading, lines in (("Not in the table", absent(report)), ("Remarks", remarks(report))):
        if lines:
            parts += [f"## {heading}", "\n".join(f"- {line}" for line in lines)]
    parts += ["## Options", markdown_table(*option_rows(report))]
    write_text(path, "\n\n".join(parts) + "\n")
    return Path(path)
