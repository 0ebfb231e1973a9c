"""Faults that only show across sections of params.yaml are found before anything runs, in plain words."""

import subprocess
import sys

import pytest

from components.core.config import PARAMS_FILE, read_params
from components.core.errors import ConfigError
from components.steps import runner


@pytest.fixture
def params(request):
    return read_params(request.config.rootpath / PARAMS_FILE)


def put(path, value):
    """A function that puts one value into the parameters."""

    def plant(params):
        *folders, last = path
        for key in folders:
            params = params.setdefault(key, {})
        params[last] = value

    return plant


FAULTS = {
    "option of a model": (
        put(["models", "als", "params"], {"facters": 8}),
        r"models.als.params: unknown parameter 'facters'; known: alpha, ",
    ),
    "option of the reducer": (
        put(["reduce", "params"], {"embeding_size": 8}),
        r"reduce.params: unknown parameter 'embeding_size'; did you mean 'embedding_size'",
    ),
    "option of the source": (put(["source", "params"], {"year": 1}), r"source.params: unknown parameter 'year'"),
    "reducer": (put(["reduce", "component"], "pcb"), r"unknown reducer 'pcb'"),
    "name of ours": (
        put(["models", "trained_ranker"], {"component": "als"}),
        r"models.trained_ranker: this name means the ranker itself; give the model another",
    ),
    "candidate": (put(["rank", "candidates"], ["popularity", "eas"]), r"rank.candidates: unknown model 'eas'; did you"),
    "no fallback": (put(["rank", "candidates"], ["ease"]), r"rank.candidates: 'popularity' is missing; add it"),
    "candidate twice": (put(["rank", "candidates"], ["popularity"] * 2), r"rank.candidates: 'popularity' is there 2"),
    "buy again": (
        put(["rank", "buy_again", "model"], "als2"),
        r"rank.buy_again.model: unknown model of rank.candidates",
    ),
    "compared": (put(["evaluate", "models"], ["eese"]), r"evaluate.models: unknown model 'eese'; did you mean 'ease'"),
    "slices": (put(["evaluate", "slice_baseline"], "house"), r"evaluate.slice_baseline: unknown model"),
    "stress baseline": (put(["stress", "baseline"], "popularty"), r"stress.baseline: unknown model 'popularty'; did"),
    "perturbation": (
        put(["stress", "perturbations"], {"event_nois": {}}),
        r"stress.perturbations: unknown perturbation 'event_nois'; did you mean 'event_noise'",
    ),
    "option of a perturbation": (
        put(["stress", "perturbations"], {"event_noise": {"params": {"a_typo": 1}}}),
        r"stress.perturbations.event_noise.params: unknown parameter 'a_typo'",
    ),
    "view": (put(["gate", "beat"], {"al": ["ease"]}), r"gate: 'beat.al.*'all' or 'new'"),
    "nothing to beat": (put(["gate", "beat"], {}), r"gate: 'beat'.*at least 1"),
    "nobody to beat": (put(["gate", "beat"], {"all": []}), r"gate: 'beat.all'.*at least 1"),
    "not measured": (put(["gate", "beat"], {"all": ["easy"]}), r"gate.beat.all: unknown model of evaluate.models"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_across_sections_is_refused_with_a_remedy(params, fault):
    plant, words = FAULTS[fault]
    plant(params)
    with pytest.raises(ConfigError, match=words) as refused:
        runner.check_params(params)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("section", "name", "words"),
    [
        ("validate", "items.price_in_rang", "did you mean 'items.price_in_range'"),
        ("validate", "nothing_like_it", "expectations/ lists the rules"),
        ("featurize", "user_in_range", "did you mean 'users_in_range'"),
    ],
)
def test_a_threshold_for_a_rule_that_no_suite_has_is_refused_before_anything_runs(
    params, request, section, name, words
):
    put([section, "thresholds"], {name: {"outcome": "warn"}})(params)
    with pytest.raises(ConfigError, match=f"params.yaml: {section}.thresholds: no suite has a rule '{name}'; {words}"):
        runner.check_params(params, request.config.rootpath)


def test_checking_everything_imports_no_heavy_library(request):
    heavy = ("tensorflow", "keras", "xgboost", "mlflow", "great_expectations", "sklearn")
    code = (
        "import pathlib, sys; from components.core.config import read_params; from components.steps import runner; "
        f"runner.check_params(read_params(), pathlib.Path()); print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=request.config.rootpath, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
