"""Progress passes elements on unchanged and speaks on stderr only."""

from components.core import progress


def test_elements_pass_unchanged_and_stdout_stays_clean(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert list(progress.track("abc", "letters")) == ["a", "b", "c"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "letters: 1 of 3" in err


def test_a_generator_of_unknown_length_is_tracked(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert list(progress.track((i for i in range(2)), "numbers")) == [0, 1]
    assert "of ?" in capsys.readouterr().err
