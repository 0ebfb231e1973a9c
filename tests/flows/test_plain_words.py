"""The main job stops before it starts on parameters it cannot use, in one plain line."""

import os
import subprocess
import sys

import pytest
import yaml

from components.core.config import PARAMS_FILE, read_params


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("split", {"tset_share": 0.1}, "split: unknown parameter 'tset_share'; did you mean 'test_share'?"),
        ("gate", {"min_coverage": 7}, "gate: 'min_coverage': Input should be less than or equal to 1, found 7."),
    ],
)
def test_wrong_parameters_end_the_main_job_at_once(tmp_path, request, section, values, words):
    params = read_params(request.config.rootpath / PARAMS_FILE)
    params[section] |= values
    (tmp_path / PARAMS_FILE).write_text(yaml.safe_dump(params))
    done = subprocess.run(
        [sys.executable, "-m", "flows", "run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(request.config.rootpath)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == f"shoploop: params.yaml: {words}"
    assert done.stdout == ""
