import pytest

from ir_runtime.cli.sentence import load_sentences
from ir_runtime.errors import ArgumentError


@pytest.mark.full
def test_sentences_are_distinct_of_mixed_length_and_the_same_each_time():
    sentences = load_sentences(256)
    lengths = [len(sentence.split()) for sentence in sentences]
    assert len(set(sentences)) == 256
    assert min(lengths) < 8
    assert max(lengths) > 60
    assert load_sentences(256) == sentences


def test_too_many_sentences_are_refused(tmp_path):
    (tmp_path / "queue.py").write_text('"""One text of some words."""')
    assert load_sentences(1, tmp_path) == ["One text of some words."]
    with pytest.raises(ArgumentError) as refused:
        load_sentences(2, tmp_path)
    assert str(refused.value) == (
        "demo: 2 sentences wanted, must be at most 1\n"
        f"    texts are docstrings of the standard library in {tmp_path}\n"
        "  fix: pass a smaller --sentences"
    )
