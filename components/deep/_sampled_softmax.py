"""The loss of those drawn. Importing this file imports TensorFlow: only training does.

A target's loss is its sampled softmax with logQ correction (Bengio & Senécal 2008): a negative counts as the inverse of
how often it is expected among those drawn, so that they stand for the whole catalogue. A target that is also drawn is
taken out of the sum over those drawn, so that it counts once.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

NEGATIVE_POWER = 0.5  # negatives ~ popularity ** power: between uniform (0) and as bought (1)
NEVER = -1e9  # as the logarithm of a count that is 0
MOST_AMONG = 0.999  # of the sum over those drawn may be the target's; the rest keeps the logarithm finite


def own_counts(drawn: np.ndarray, log_expected: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """float (pairs,), how each target counts among those drawn: log (times drawn / expected times), or NEVER.

    drawn         int (n,), items; targets int (pairs,), items
    log_expected  float (n_items,)
    """
    times = np.bincount(drawn, minlength=len(log_expected))[targets]
    return np.where(times > 0, np.log(np.maximum(times, 1)) - log_expected[targets], NEVER)


def sampled_softmax(
    target_logits: tf.Tensor, target_rows: tf.Tensor, other_logits: tf.Tensor, log_expected: tf.Tensor, own: tf.Tensor
) -> tf.Tensor:
    """float32 (pairs,): −log softmax of each target, the others drawn.

    target_logits  (pairs,); target_rows int32 (pairs,), the row of `other_logits` (rows, n) each belongs to
    log_expected   (n,), of those drawn; own (pairs,), as `own_counts` has it
    With the whole catalogue as the others this is the full softmax.
    """
    others = tf.gather(tf.reduce_logsumexp(other_logits - log_expected, axis=1), target_rows)
    among = tf.minimum(tf.exp(target_logits + own - others), MOST_AMONG)
    return tf.math.softplus(others + tf.math.log1p(-among) - target_logits)
