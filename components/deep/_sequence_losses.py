"""The losses of a sequence network's pairs of state and target. Importing this file imports TensorFlow."""

from __future__ import annotations

import tensorflow as tf

from components.deep._network import Network, Tensors
from components.deep._sampled_softmax import sampled_softmax


def sampled_losses(network: Network, queries: tf.Tensor, targets: Tensors, negatives: Tensors) -> tf.Tensor:
    """float32 (pairs,): the sampled softmax."""
    _, query, items, _ = targets
    drawn, log_expected, own = negatives
    logits = network.pair_logits(queries, query, items)
    return sampled_softmax(logits, query, network.logits(queries, drawn), log_expected, own)


def full_losses(network: Network, queries: tf.Tensor, targets: Tensors, _: Tensors = ()) -> tf.Tensor:
    """float32 (pairs,): −log of the target's share in the softmax over the whole catalogue."""
    _, query, items, _ = targets
    partition = tf.reduce_logsumexp(network.all_logits(queries), axis=1)
    return tf.gather(partition, query) - network.pair_logits(queries, query, items)
