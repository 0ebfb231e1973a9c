"""The environment of every process: no telemetry, quiet libraries, one thread of BLAS.

Entry points call `prepare` before all else.
"""

import os

PARENT_RUN = "SHOPLOOP_PARENT_RUN"  # MLflow run of the flow that started this process, which also logs its steps

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "DVC_NO_ANALYTICS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # it waits in circles between many small equations: a hundredfold on a busy machine
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # a process takes of a GPU what it needs, not all of it: several may train
    "TF_CPP_MIN_LOG_LEVEL": "2",  # TensorFlow's notes on missing GPUs
    "MLFLOW_LOGGING_LEVEL": "WARNING",  # how it set up its tables is no news
    "GIT_PYTHON_REFRESH": "quiet",  # MLflow and DVC also work without git
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "OMP_WAIT_POLICY": "passive",  # trees' threads that wait in circles take several times the CPU on a busy machine
}


def prepare() -> None:
    """Set what is not set yet; call before the libraries concerned are imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
