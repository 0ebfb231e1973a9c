"""The command line starts at once: it imports no heavy library before a command needs one."""

import subprocess
import sys

HEAVY = {
    "tensorflow",
    "keras",
    "xgboost",
    "sklearn",
    "mlflow",
    "great_expectations",
    "prefect",
    "bentoml",
    "numpy",
    "ibis",
}


def test_help_imports_nothing_heavy(request):
    code = f"import sys, components.__main__; print({HEAVY!r} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=request.config.rootpath, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
