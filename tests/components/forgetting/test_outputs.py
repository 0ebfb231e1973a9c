"""Which rows and which parts are a person's."""

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import bundle, layout
from components.core import schema as s
from components.forgetting.outputs import kept_of, tree_of
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
