"""A search for every model of a run: options in, a params file with the best lines out, every trial in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from components.benchmark.entrant import Spec
from components.benchmark.material import Material
from components.benchmark.protocols import told
from components.benchmark.roster import MODELS_SECTION
from components.benchmark.run import WORK, BenchmarkConfig, course_of
from components.benchmark.shape import fitted_to, shape_of
from components.benchmark.tuning import COUNTS, OBJECTIVE, Search, Tried, TuneConfig
from components.core.bundle import write_json, write_text
from components.core.errors import DataError
from components.core.folder_lock import alone
from components.core.outputs import Output
from components.tracking import runs
from components.tracking.runs import Record

TRIALS, BEST = "tune.json", "params.yaml"
OUTPUT = Output("a search of options", {TRIALS: ("models", "budget")}, (TRIALS, BEST), (TRIALS, BEST))
PARENT = "mlflow_run"  # in a study: the run that its trials lie below
HEADER = """# Made by `shoploop tune`: the best options found on the validation fold of {name}, protocol {protocol},
# {view} items, {minutes:g} minutes or {trials} trials for every model. For `shoploop benchmark --params`.
"""


@dataclass(frozen=True)
class Lines:
    """What is searched.

    specs     all lines as they stand, by name
    names     those that are searched, one after the other
    left_out  name → why it is not searched
    """

    specs: dict[str, Spec]
    names: list[str]
    left_out: dict[str, str]


def tune(
    asked: BenchmarkConfig,
    config: TuneConfig,
    material: Material,
    lines: Lines,
    out: Path,
    root: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Search for each line in turn, and write what was found after each, so that nothing is lost.

    A fusion or a ranker joins its members as the search before left them.

    root     the project, whose MLflow is told
    Writes   out/params.yaml, out/tune.json; what can be resumed to out/.work
    Raises   DataError if no model gave lists; ConfigError if `out` holds a params.yaml that no search wrote
    """
    out = Path(out)
    OUTPUT.check(out)
    with alone(out / WORK):
        for name, reason in lines.left_out.items():
            tell(f"{name}: left out: {reason}")
        course = course_of(asked, material, lines.specs, lines.names, out / WORK / "data")
        for remark in told(course.prepared, asked.fold)["remarks"]:
            tell(f"remark: {remark}")
        tell(most(len(lines.names), config))
        specs, found = fitted_to(lines.specs, shape_of(course.prepared))[0], {}
        for name in lines.names:
            search = Search(config, specs, course.asked, asked.views[0], asked.k, out / WORK, material.has_times, tell)
            found[name] = _searched(search, specs[name], asked.protocol, material, root)
            better = replace(specs[name], params=found[name]["best"]["params"])
            specs = specs | {name: better}  # so what joins it has it
            report = {"data": material.name, "asked": asked.model_dump(mode="json"), "models": found}
            report["left_out"] = lines.left_out
            write_json(out / TRIALS, report | {"budget": config.model_dump(mode="json") | {"minutes_are": COUNTS}})
            write_text(out / BEST, _params(asked, config, material, found))
    if not any(model["best"]["figures"] for model in found.values()):
        raise DataError(f"tune: no trial of {', '.join(found)} gave lists; {TRIALS} in {out} says why.")
    return report


def most(models: int, config: TuneConfig) -> str:
    """How long a search may take, in words: who starts one wants to know whether to wait or to go home."""
    total = models * config.minutes
    words = f"{total / 60:.1f} hours" if total >= 90 else f"{total:g} minutes"
    each = f"each up to {config.minutes:g} minutes or {config.trials} trials"
    also = "beside the fits of what a fusion or a ranker joins"
    return f"{models} model{'s' * (models > 1)}, {each}: {words} at most, {also}"


def _searched(search: Search, spec: Spec, protocol: str, material: Material, root: Path) -> dict[str, Any]:
    """Search for one line; its trials are runs below one of their own, which goes on where a search is resumed."""
    about = {"data": material.name, "protocol": protocol, "model": spec.name, "component": spec.component}
    study = search.study(spec)
    params, before = about | search.config.model_dump(mode="json"), study.user_attrs.get(PARENT)
    with runs.tracked(f"tune {spec.name}", params=params, root=root, again=before) as run:
        study.set_user_attr(PARENT, run.run_id)

        def record(line: Spec, tried: Tried) -> None:
            runs.record(_record(line, tried, f"{run.run_id}-{tried.number}", about), run.run_id, root)

        best, tried = search.best(spec, study, record)
        run.metrics({f"best_{metric}_at_{search.k}": value for metric, value in best.figures.items()})
    note = search.note(spec, tried)
    return {"component": spec.component, "best": asdict(best), "trials": [asdict(t) for t in tried], "note": note}


def _record(spec: Spec, tried: Tried, execution: str, about: dict[str, str]) -> Record:
    return Record(
        name=f"{spec.name} trial {tried.number}",
        execution=execution,
        status="FINISHED" if tried.figures else "KILLED" if tried.pruned else "FAILED",
        started=tried.started,
        ended=tried.ended,
        params=about | tried.params,
        metrics=tried.figures,
        curves=tried.curves,
        tags={"component": spec.component}
        | ({"reason": tried.reason} if tried.reason else {})
        | ({"remarks": "; ".join(tried.remarks)} if tried.remarks else {}),
    )


def _params(asked: BenchmarkConfig, config: TuneConfig, material: Material, found: dict[str, Any]) -> str:
    """The best lines as a `models:` section; a model without any lists keeps the line as it stands."""
    lines = {
        name: {"component": model["component"], "params": model["best"]["params"]} for name, model in found.items()
    }
    header = HEADER.format(
        name=material.name, protocol=asked.protocol, view=asked.views[0], minutes=config.minutes, trials=config.trials
    )
    figures = [
        f"# {name}: {OBJECTIVE.upper()}@{asked.k} {model['best']['figures'][OBJECTIVE]:.4f}"
        f" (as it stood: {model['trials'][0]['figures'].get(OBJECTIVE, 0):.4f}), {len(model['trials'])} trials\n"
        for name, model in found.items()
        if model["best"]["figures"]
    ]
    return header + "".join(figures) + yaml.safe_dump({MODELS_SECTION: lines}, sort_keys=False)
