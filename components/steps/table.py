"""The table of steps: the one place that says which steps there are and what each reads and writes.

`dvc.yaml`, the flows and the command line are all made from it. A step `clean` is the function `clean` of
components/steps/clean.py with `CleanConfig` found there; both are imported only when the step runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core import layout
from components.core.config import Config
from components.core.errors import ConfigError
from components.core.registry import CLEANERS, MODELS, PERTURBATIONS, REDUCERS, SOURCES, SPLITS

TRAIN_PREFIX = "train-"
SEED = "seed"


@dataclass(frozen=True)
class Step:
    """One row of the table.

    function     "module:name" of the function (config, root, seed) → StepResult
    config       "module:name" of its configuration class
    section      key in params.yaml, dots for levels
    shared       sections of params.yaml that several steps read; each is a field of its name in the configuration
    reads        files and folders made by others
    writes       files and folders only this step makes
    code         source files it depends on beyond what its own file imports: components found by name
    fixed        configuration that params.yaml does not hold
    seeded       whether it uses params.yaml: seed
    tracked      whether it is a DVC stage; ingest is not, because it makes what data.dvc pins
    """

    name: str
    description: str
    function: str
    config: str
    section: str
    shared: tuple[str, ...] = ()
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    code: tuple[str, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)
    seeded: bool = False
    tracked: bool = True

    @property
    def receipt(self) -> Path:
        """Where its receipt lies, relative to the project."""
        return layout.RECEIPTS / f"{self.name}.json"

    @property
    def module(self) -> str:
        """The module its function lives in."""
        return self.function.partition(":")[0]

    def load(self) -> tuple[Callable, type[Config]]:
        """Import its function and its configuration class."""
        return _named(self.function), _named(self.config)


def table(params: dict[str, Any]) -> dict[str, Step]:
    """All steps by name, in the order in which they can run; one train step per entry of params.yaml: models.

    Raises ConfigError if params.yaml has no models or a model without a known component.
    """
    models = _models(params)
    every_model_file = tuple(sorted(set(models.values())))
    trained = tuple(layout.MODELS / name for name in models)
    features = (layout.SPLIT, layout.FEATURES, layout.REDUCED)
    recommender = (*features, *_candidates(params, trained), layout.RANKER)
    steps = [
        _step("ingest", "copy the source's tables into data/, held to data.dvc", writes=(layout.DATA,),
              section="source", code=_component(SOURCES, params, "source", "complete_journey"), tracked=False),
        _step("validate", "check every table against expectations/, set bad rows aside with reasons",
              reads=(layout.DATA, layout.EXPECTATIONS, layout.PRIVACY),
              writes=(layout.VALIDATED, layout.QUARANTINE, layout.QUALITY), shared=("source", "engine"),
              code=_component(SOURCES, params, "source", "complete_journey")),
        _step("clean", "canonical tables by the declared cleaners, every effect counted",
              reads=(layout.VALIDATED, layout.QUARANTINE), writes=(layout.CLEAN,), shared=("engine",),
              code=tuple(map(CLEANERS.file, CLEANERS.names()))),
        _step("split", "what may be known and what is to be foretold, before anything is fitted",
              reads=(layout.CLEAN,), writes=(layout.SPLIT,), shared=("engine",),
              code=_component(SPLITS, params, "split", "temporal", key="method")),
        _step("featurize", "item, user and context columns, text of categories", reads=(layout.CLEAN, layout.SPLIT),
              writes=(layout.FEATURES,), shared=("engine",)),
        Step("inspect", "hold the features to expectations/features/, before a ranker is fitted on them",
             "components.steps.inspect:inspect", "components.steps.featurize:FeaturizeConfig", "featurize",
             reads=(layout.FEATURE_EXPECTATIONS, layout.SPLIT, layout.FEATURES), writes=(layout.INSPECTION,),
             shared=("engine",)),
        _step("reduce", "text → a few dense directions", reads=(layout.FEATURES,), writes=(layout.REDUCED,),
              code=_component(REDUCERS, params, "reduce", "pca"), seeded=True),
        *(_train(name, file, params["models"]) for name, file in models.items()),
        _step("rank", "LambdaMART over the union of the models' candidates",
              reads=(*features, layout.INSPECTION, *_candidates(params, trained)),
              writes=(layout.RANKER,), shared=("engine",), code=every_model_file, seeded=True),
        _step("evaluate", "every model and the ranker on the test window, full catalogue, with intervals",
              reads=(*features, *trained, layout.RANKER),
              writes=(layout.EVALUATION,), code=every_model_file, seeded=True),
        _step("stress", "accuracy when events are noisy or histories thin",
              reads=(*features, *trained, layout.RANKER, layout.EVALUATION),
              writes=(layout.ROBUSTNESS,), code=(*every_model_file, *map(PERTURBATIONS.file, PERTURBATIONS.names())),
              seeded=True),
        _step("gate", "pass or fail, against simple models and the champion, with reasons in words",
              reads=(layout.EVALUATION, layout.ROBUSTNESS, layout.QUALITY, *recommender),
              writes=(layout.DECISION,), code=every_model_file, seeded=True),
        _step("index", "what /search looks in: words, vectors, completions; judged where the shop has judgments",
              section="search", reads=(layout.CLEAN, layout.SPLIT), writes=(layout.SEARCH, layout.SEARCH_EVALUATION),
              seeded=True),
        _step("register", "the release becomes a version in the registry, alias challenger",
              reads=(layout.CLEAN, layout.PSEUDONYMS, *recommender, layout.SEARCH, layout.DECISION,
                      layout.EVALUATION, layout.ROBUSTNESS, layout.QUALITY),
              writes=(layout.RELEASE, layout.REGISTRATION), shared=("gate",), code=every_model_file, seeded=True),
    ]  # fmt: skip
    return {step.name: step for step in steps}


def _step(name: str, description: str, *, section: str | None = None, **rest: Any) -> Step:
    module = f"components.steps.{name}"
    config = f"{module}:{name.capitalize()}Config"
    return Step(name, description, f"{module}:{name}", config, section or name, **rest)


def _train(name: str, file: str, models: dict[str, Any]) -> Step:
    can = MODELS.get(Path(file).stem).capabilities
    content = (layout.FEATURES, layout.REDUCED) if can.uses_content else ()
    return Step(
        f"{TRAIN_PREFIX}{name}",
        f"fit {name} on both folds",
        "components.steps.train:train",
        "components.steps.train:TrainConfig",
        f"models.{name}",
        shared=("engine",) if can.distributed else (),
        reads=(layout.SPLIT, *content, *_begun(name, can.starts_from, models)),
        writes=(layout.MODELS / name,),
        code=(file,),
        fixed={"name": name},
        seeded=True,
    )


def _begun(name: str, option: str, models: dict[str, Any]) -> tuple[Path, ...]:
    """Folder of the trained model of this loop that a model's training starts from, if it does.

    option  that names it, "" where the model has none
    Raises  ConfigError if that model does not stand before it.
    """
    given = models[name].get("params")
    start = given.get(option) if isinstance(given, dict) else None
    if not isinstance(start, str):
        return ()
    for other in models:
        folder = layout.MODELS / other
        if Path(start) in (folder, *(folder / fold for fold in layout.FOLDS)):
            if list(models).index(other) >= list(models).index(name):
                raise ConfigError(
                    f"params.yaml: models.{name}.params.{option}: {start} is made by models.{other}, which has to "
                    f"stand before models.{name}."
                )
            return (folder,)
    return ()


def _models(params: dict[str, Any]) -> dict[str, str]:
    """Source file by name of trained model."""
    models = params.get("models")
    if not isinstance(models, dict) or not models:
        raise ConfigError("params.yaml: models: expected a mapping of names to components; at least popularity.")
    for name, model in models.items():
        if not isinstance(model, dict) or "component" not in model:
            raise ConfigError(f"params.yaml: models.{name}: expected {{component: …}}, found {model!r}.")
    return {name: MODELS.file(model["component"]) for name, model in models.items()}


def _candidates(params: dict[str, Any], trained: tuple[Path, ...]) -> tuple[Path, ...]:
    """Folders of the models that propose candidates; all of them where params.yaml does not choose."""
    chosen = (params.get("rank") or {}).get("candidates")
    return tuple(path for path in trained if chosen is None or path.name in chosen)


def _component(
    registry: Any, params: dict[str, Any], section: str, default: str, key: str = "component"
) -> tuple[str, ...]:
    return (registry.file((params.get(section) or {}).get(key, default)),)


def _named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
