"""Where files live, relative to the project's folder. Steps and flows take them from here."""

from pathlib import Path

DATA = Path("data")  # the source's own tables, byte-stable, pinned by data.dvc
DATA_PIN = Path("data.dvc")
ARRIVALS = Path(".arrivals")  # copies on their way into data/; never in git, gone when they are pinned
EXPECTATIONS = Path("expectations")
FEATURE_EXPECTATIONS = EXPECTATIONS / "features"
PRIVACY = Path("privacy.json")  # which key made the pseudonyms, and who was forgotten; git keeps it
STATE = Path("state")  # keys, and the service's own files; never in git
PSEUDONYM_KEY = STATE / "pseudonym.key"
PROMOTIONS = STATE / "promotions.db"  # the history of promotions and rollbacks
ARTIFACTS = Path("artifacts")
VALIDATED = ARTIFACTS / "validated"
PSEUDONYMS = VALIDATED / "pseudonyms.json"  # whether its user ids are pseudonyms, and of which key
QUARANTINE = ARTIFACTS / "quarantine"
READMISSIONS = ARTIFACTS / "readmissions.json"  # journal: who re-admitted which rows, when and why; no output
QUALITY = ARTIFACTS / "quality"  # report.html, report.json
SNAPSHOTS = ARTIFACTS / "snapshots"  # what is remembered of data accepted before; no step's output
PARTS = ARTIFACTS / "parts"  # what was made of single raw files, by digest: a cache, no step's output
CLEAN = ARTIFACTS / "clean"  # canonical tables: interactions, items, users, promotions
SPLIT = ARTIFACTS / "split"  # one folder per fold
FEATURES = ARTIFACTS / "features"  # one folder per fold
INSPECTION = ARTIFACTS / "inspection"  # what the suites say of the features: report.html, report.json
REDUCED = ARTIFACTS / "reduced"  # one folder per fold
MODELS = ARTIFACTS / "models"  # <name>/<fold>: a model bundle
TRAINING = ARTIFACTS / "training"  # <name>/<fold>: checkpoint and TensorBoard logs of a training; no step's output
RANKER = ARTIFACTS / "ranker"  # one ranker bundle
CALIBRATION_FILE = "calibration.json"  # in it: how true its probabilities are for users they were not fitted on
EVALUATION = ARTIFACTS / "evaluation"
ROBUSTNESS = ARTIFACTS / "robustness"
SEARCH = ARTIFACTS / "search"  # the index of /search: words, vectors, completions
SEARCH_EVALUATION = ARTIFACTS / "search_evaluation"  # on the shop's judgments: report.html, report.json, ranked lists
RELEASE = ARTIFACTS / "release"  # the one directory a service loads
DECISION = ARTIFACTS / "decision"  # decision.json: the gate's verdict
REGISTRATION = ARTIFACTS / "registration"  # registered.json: name, version, alias
RECEIPTS = ARTIFACTS / "receipts"  # <step>.json: what ran, how long, which MLflow run
EXPERIMENTS = ARTIFACTS / "experiments"
MONITORING = ARTIFACTS / "monitoring"
SERVICE_DATABASE = Path("service.db")  # in the service's state folder: events and exposures

VALIDATION_FOLD = "validation"  # history up to the first cut-off; its target window trains the ranker
TEST_FOLD = "test"  # history up to the second cut-off; its target window is evaluated on, and trains nothing
FOLDS = (VALIDATION_FOLD, TEST_FOLD)
EARLIER_FOLD = "window_1"  # before the validation, where section `split` asks for it (`earlier`)
