"""Sequences as they come: refused, or read with a word on it, by the name that their owner knows and with a remedy."""

from tests.components.benchmark.test_benchmark import called, report_of

LINES = [f"u{u:02} " + " ".join(f"i{(u + k) % 9}" for k in range(5)) for u in range(12)]
WALK = "\n".join(LINES) + "\n"


def written(folder, content, attributes=None):
    folder.mkdir()
    data = folder / "my orders.txt"
    data.write_bytes(content if isinstance(content, bytes) else content.encode())
    if attributes is not None:
        (folder / "item_attributes.json").write_text(attributes, encoding="utf-8")
    return data


def test_a_view_in_which_nobody_has_anything_new_is_left_out_and_said_so(tmp_path):
    lines = "".join(f"u{u} {' '.join([f'i{u % 3}'] * 4)}\n" for u in range(9))
    data = written(tmp_path / "again", lines)
    result = called(data, tmp_path / "out", "--repeats", models="popularity,household")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert report["asked"]["views"] == list(report["views"]) == ["all"]
    assert report["views"]["all"]["figures"]["household"]["hit_rate_at_10"]["mean"] == 1
    html, text = ((tmp_path / f"out/report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    for form in (html, text):
        assert "nobody went on to one that was new to him, so there is no view of those" in form
    assert [file.name for file in (tmp_path / "out/lists").glob("pop*")] == ["popularity.all.parquet"]
