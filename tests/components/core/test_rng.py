"""Random streams: equal by name, apart otherwise."""

from components.core.rng import stream


def draws(*names: str, seed: int = 1) -> list[int]:
    return stream(seed, *names).integers(2**60, size=4).tolist()


def test_equal_seed_and_names_give_equal_draws() -> None:
    assert draws("train", "als") == draws("train", "als")


def test_another_seed_name_order_or_cut_of_the_names_gives_other_draws() -> None:
    streams = [draws("a", "b"), draws("b", "a"), draws("ab"), draws("a"), draws("a", "b", seed=2)]
    assert len({tuple(s) for s in streams}) == len(streams)
