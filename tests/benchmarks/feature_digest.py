"""What the digest of an answer's features costs, as a share of the answer (one process, one thread, in turns).

python -m tests.benchmarks.feature_digest [--items 50000] [--asked 200]
"""

import argparse
import time

import numpy as np

from components.ranking.feature_digest import digest, feature_digests
from tests.load.catalogue_size import drawn, ranker

ROUNDS = 5


def main(items: int = 50_000, asked: int = 200) -> None:
    """Print the figures: CPU time of a list of 10, and of the digest of the features it was ranked from."""
    hybrid, histories = drawn(items)
    hybrid.ranker = ranker(hybrid, histories)
    rows = np.random.default_rng(1).integers(0, len(histories), asked)
    answers, digests = [], []
    for row in rows:
        past = histories.take([row])
        candidates = hybrid.propose(past)
        features = hybrid.features(past, candidates)[1]
        answers.append(min(_cpu(lambda past=past: _answered(hybrid, past)) for _ in range(ROUNDS)))
        digests.append(min(_cpu(lambda c=candidates, f=features: digest(c.items, f)) for _ in range(ROUNDS)))
    whole, part = float(np.median(answers)), float(np.median(digests))
    print(f"answer {1000 * whole:.2f} ms, its digest {1000 * part:.3f} ms: {100 * part / whole:.2f} %")
    print(f"{items:,} items, features of the last answer {features.shape}, {asked} answers, medians of CPU time")


def _answered(hybrid, past):
    with feature_digests():
        hybrid.lists(past, 10)


def _cpu(work):
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--asked", type=int, default=200)
    main(**vars(parser.parse_args()))
