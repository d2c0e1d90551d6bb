"""What the tests of the DAGs share. Imported first, since Airflow reads its settings at import."""

import atexit
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
DAGS = ROOT / "dags"

if not importlib.util.find_spec("airflow.providers") or not importlib.util.find_spec("moto"):
    raise RuntimeError(
        f"{sys.executable} has no Airflow with its Amazon provider, or no moto: "
        "pip install -r tests/python/airflow.txt"
    )

sys.path[:0] = [str(DAGS), str(ROOT / "tests/aws")]

# Nothing of whoever runs the tests: neither their Airflow nor their AWS.
FOLDER = Path(tempfile.mkdtemp(prefix="cinemill-airflow-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
for name in list(os.environ):
    if name.startswith(("AIRFLOW", "AWS_", "CINEMILL_DAGS", "CINEMILL_JOBS")):
        del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": str(FOLDER / "airflow"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": "True",
    "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
    "PYTHONPATH": str(DAGS),
    "PYTHONWARNINGS": "ignore",
}
# It tells of each client where its credentials come from.
logging.getLogger("botocore").setLevel(logging.WARNING)
