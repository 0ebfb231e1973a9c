import pytest

from components.experiments.page import page
from components.experiments.readout import BETTER, UNCLEAR, UNTRUSTED, WORSE


def report(verdict):
    """A report with one metric; only its verdict varies."""
    cell = {"control": 1.0, "treatment": 0.8, "difference": -0.2, "low": -0.3, "high": -0.1}
    return {
        "experiment": "demo",
        "replayed": True,
        "caveat": "Replayed.",
        "control": "control",
        "treatment": "treatment",
        "policies": {"control": "ranker", "treatment": "popularity"},
        "users": 20,
        "requests": 40,
        "k": 10,
        "releases": ["1"],
        "srm": {
            "mismatch": verdict == UNTRUSTED,
            "p_value": 0.5,
            "shares": {"control": 0.5, "treatment": 0.5},
            "expected": {"control": 10.0, "treatment": 10.0},
            "observed": {"control": 10, "treatment": 10},
        },
        "verdict": verdict,
        "metrics": {"hits": cell | {"words": "hits per list", "primary": True, "verdict": verdict}},
    }


@pytest.mark.parametrize(("verdict", "sign"), [(BETTER, "✓"), (UNCLEAR, "✓"), (WORSE, "✗"), (UNTRUSTED, "✗")])
def test_a_worse_or_untrusted_treatment_gets_no_tick(verdict, sign):
    headline = page(report(verdict)).html().split('class="verdict ')[1]
    assert f"<span>{sign}</span>" in headline and verdict in headline
