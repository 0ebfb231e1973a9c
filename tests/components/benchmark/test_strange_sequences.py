"""Sequences as they come: refused, or read with a word on it, by the name that their owner knows and with a remedy."""

import pytest

from tests.components.benchmark.test_benchmark import USERS, called, report_of, walk

LINES = [f"u{u:02} " + " ".join(f"i{(u + k) % 9}" for k in range(5)) for u in range(12)]
WALK = "\n".join(LINES) + "\n"


def written(folder, content, attributes=None):
    folder.mkdir()
    data = folder / "my orders.txt"
    data.write_bytes(content if isinstance(content, bytes) else content.encode())
    if attributes is not None:
        (folder / "item_attributes.json").write_text(attributes, encoding="utf-8")
    return data


def said(result):
    return " ".join(result.output.split())


def remarks_on(tmp_path, content, attributes=None):
    result = called(written(tmp_path / "shop", content, attributes), tmp_path / "out", models="popularity")
    assert result.exit_code == 0, result.output
    return " | ".join(report_of(tmp_path / "out")["data"]["remarks"]), result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WALK.replace("\n", "\r"), "its lines end in carriage returns only; convert them"),
        ("u1 烏龍茶 綠茶禮盒\nu2 紅茶 烏龍茶\n".encode("big5"), "save it as UTF-8"),
        (WALK.encode("utf-16-le"), "looks like UTF-16 without its mark; save it as UTF-8"),
        ("u1\nu2\n", "write a line `user item item …` for each user"),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_files_own_name_with_what_can_be_done(tmp_path, content, words):
    data = written(tmp_path / "shop", content)
    result = called(data, tmp_path / "out", models="popularity")
    assert result.exit_code == 2 and words in said(result), result.output
    assert str(data) in said(result)
    for foreign in ("sequences/", "shoploop-benchmark-", "encoding`"):
        assert foreign not in said(result)


def test_a_file_may_be_called_like_a_pattern(tmp_path):
    data = written(tmp_path / "shop", WALK).rename(tmp_path / "shop" / "orders[1].txt")
    assert called(data, tmp_path / "out", models="popularity").exit_code == 0


def test_a_header_is_remarked_in_the_report_and_at_the_end(tmp_path):
    told, printed = remarks_on(tmp_path, "user_id item_id\n" + WALK)
    assert "my orders.txt: the first line ('user_id item_id') looks like a header" in told
    assert "looks like a header" in " ".join(printed.split())


def test_users_that_hold_a_comma_are_remarked(tmp_path):
    told, _ = remarks_on(tmp_path, "".join(line.replace(" ", ",", 1) + "\n" for line in LINES))
    assert "every user of the first 12 lines holds a sign that parts fields elsewhere ('u00,i0')" in told


def test_lines_without_a_user_are_remarked_and_numbers_of_both_are_not(tmp_path):
    told, _ = remarks_on(tmp_path, "".join(line.split(" ", 1)[1] + "\n" for line in LINES))
    assert "9 of 9 users are items too" in told
    numbers = "".join(f"{u} " + " ".join(str((u + k) % 12) for k in range(5)) + "\n" for u in range(9))
    (tmp_path / "b").mkdir()
    assert "items too" not in remarks_on(tmp_path / "b", numbers)[0]


def test_a_line_that_is_too_long_is_told_with_its_number_its_length_and_the_limit(tmp_path):
    data = written(tmp_path / "shop", f"{WALK}huge {'i1 ' * 1_500_000}\nu99 i1 i2 i3\nnobody\nnone\n")
    result = called(data, tmp_path / "out", models="popularity")
    assert result.exit_code == 0, result.output
    long = f"{data}, line 13: a line of 4,500,006 bytes, more than limits.max_record_mb (4)"
    short = f"{data}, line 15 and 1 more: a user without items"
    assert f"3 lines could not be read ({short}; {long})" in said(result)
    for kind in ("html", "md"):
        assert long in (tmp_path / f"out/report.{kind}").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("attributes", "place"),
    [('{"i1": [1,\n2', "line 2 column 2"), ("[1]", "a JSON list"), ('{"i1": "red"}', "item 'i1' has \"red\"")],
)
def test_attributes_that_cannot_be_read_stop_those_who_read_them_and_nobody_else(tmp_path, attributes, place):
    told, _ = remarks_on(tmp_path, WALK, attributes)
    file = str(tmp_path / "shop/item_attributes.json")
    for words in (file, place, "correct it there, or take the file away"):
        assert words in told
    result = called(tmp_path / "shop/my orders.txt", tmp_path / "out2", models="popularity,two_tower")
    assert result.exit_code == 2 and "fitted" not in result.output
    for words in (file, place, "two_tower would read it"):
        assert words in said(result)


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


def refused(folder, *lines):
    """What the benchmark says of sequences that it cannot use."""
    folder.mkdir()
    (folder / "sequences.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    result = called(folder, folder / "out")
    assert result.exit_code == 2 and "Traceback" not in result.output, result.output
    return " ".join(result.output.split())


def test_where_nobody_can_be_asked_it_says_why_before_anything_is_fitted(tmp_path):
    told = refused(tmp_path / "alike", *(f"u{u} a b c d" for u in range(5)))  # d is what all end with
    assert "nobody can be asked in the test fold: of 5 held-out events every item is missing" in told
    assert "what was fitted on (d), so no list can hold it. More users who do the same do not help, only such" in told
    assert "reading alike" in told and "fit" not in told.partition("nobody")[0]


def test_where_all_that_is_held_out_was_had_before_it_names_the_option(tmp_path):
    told = refused(tmp_path / "again", *(f"u{u} a b a b a" for u in range(5)))
    assert "every held-out item is in its user's own history" in told and "--repeats" in told


def test_users_of_two_events_are_asked_and_who_is_not_is_told_with_the_reason(tmp_path):
    data = walk(tmp_path / "shop")
    with open(data / "sequences.txt", "a", encoding="utf-8") as file:
        file.writelines(f"two{u:02} i{u:02} i{u + 1:02}\n" for u in range(20))
        file.write("one i05\nanother i06\nodd i05 never\n")
    assert called(data, tmp_path / "out", models="popularity").exit_code == 0
    assert report_of(tmp_path / "out")["data"]["asked_users"] == USERS + 20
    html, text = ((tmp_path / f"out/report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    for said in (html, text):
        assert "2 users have fewer than 2 events: fitted on, not asked." in said
        assert "1 users went on to nothing but items that are only in the target: fitted on, not asked." in said
    assert called(data, tmp_path / "before", "--validation", models="popularity").exit_code == 0
    text = (tmp_path / "before/report.md").read_text(encoding="utf-8")
    assert "23 users have fewer than 3 events: fitted on, not asked." in text
    assert report_of(tmp_path / "before")["data"]["asked_users"] == USERS


def test_a_user_on_two_lines_is_told_of(tmp_path):
    data = walk(tmp_path / "shop")
    with open(data / "sequences.txt", "a", encoding="utf-8") as file:
        file.write("u00 i09 i12\nu01 i20\nu00 i15\n")
    assert called(data, tmp_path / "out", models="popularity").exit_code == 0
    remarks = report_of(tmp_path / "out")["data"]["remarks"]
    assert [r.partition(",")[0] for r in remarks if "lines" in r] == ["2 users stand on several lines"]


@pytest.mark.parametrize(
    "lines",
    [
        ["user_id,item_id,timestamp", *(f"u{u},i{u + k},2024-01-0{k + 1}" for u in range(5) for k in range(4))],
        [f"{u}::{u + k}::5::97830{u}{k}60" for u in range(1, 5) for k in range(1, 5)],
        ["user:token\titem:token\tat:float", *(f"{u}\t{u + k}\t87830{u}{k}60" for u in range(5) for k in range(5))],
        [f"{u:02}\t{u + k}" for u in range(20) for k in range(5)],
    ],
)
def test_a_table_of_events_in_place_of_sequences_is_refused_with_what_to_do(tmp_path, lines):
    told = refused(tmp_path / "table", *lines)
    assert "one event a line" in told and "params.yaml" in told


def test_a_folder_without_sequences_names_what_it_holds(tmp_path):
    (tmp_path / "items.txt").write_text("u a b c\n")
    told = " ".join(called(tmp_path, tmp_path / "out").output.split())
    assert "it holds items.txt" in told
