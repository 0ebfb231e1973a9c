"""Which rows and which parts are a person's."""

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import bundle, layout
from components.core import schema as s
from components.forgetting.outputs import fitted_on, kept_of, tree_of
from components.forgetting.person import Person

WHO = Person("kunde-0031", frozenset({"kunde-0031", "f" * 32}))


def test_a_canonical_table_is_asked_by_user_and_a_part_by_every_column(tmp_path):
    canonical = tmp_path / layout.CLEAN / "interactions.parquet"
    parts = tmp_path / layout.PARTS / "landed"
    raw = {"kunde": ["kunde-0031", "kunde-0099"], "stück": [1, 2], "tags": [["a"], ["b"]]}
    tables = {
        canonical: {s.USER_ID: ["f" * 32, "e" * 32], s.ITEM_ID: ["kunde-0031", "kunde-0031"]},
        parts / "one" / "interactions.parquet": raw,
        parts / "two" / "interactions.parquet": {name: values[1:] for name, values in raw.items()},
    }
    for path, columns in tables.items():
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), path)
        if path != canonical:
            bundle.seal(path.parent, {})
    kept = kept_of(tree_of(tmp_path, tmp_path), WHO)
    assert kept.rows == {str(layout.CLEAN / "interactions.parquet"): 1}
    assert kept.bundles == {str(layout.PARTS / "landed" / "one")}
    assert not kept.files


def test_rankers_and_checkpoints_of_killed_trainings_go_with_any_dataset_of_the_person(tmp_path):
    fitted = {
        layout.RANKER: ("ranker", {}),
        layout.TRAINING / "sasrec" / "test" / "checkpoint": ("checkpoint", {}),
        layout.MODELS / "als" / "test": ("model", {"dataset_digest": "d1"}),
        layout.MODELS / "ease" / "test": ("model", {"dataset_digest": "d2"}),
    }
    for folder, (kind, provenance) in fitted.items():
        bundle.write(tmp_path / folder, {"kind": kind}, provenance=provenance)
    tree = tree_of(tmp_path, tmp_path)
    assert fitted_on(tree, {"d1"}) == {str(folder) for folder in list(fitted)[:3]}
    assert fitted_on(tree, set()) == set()
