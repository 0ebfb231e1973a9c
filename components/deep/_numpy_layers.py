"""The few layers that scoring needs, in numpy, equal to Keras' own (a test holds them to it). float32 throughout."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

LAYER_NORM_EPSILON = 1e-6
TINY = 1e-12  # least squared length, as in TensorFlow's l2_normalize
MASKED = -1e9  # added to an attention logit that must not count

Weights = dict[str, np.ndarray]


def dense(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """x @ kernel + bias, (…, d_in) → (…, d_out)."""
    return x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]


def layer_norm(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Ba et al. 2016: mean 0 and variance 1 over the last axis, then scaled and shifted."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + LAYER_NORM_EPSILON) * weights[f"{name}.gamma"] + weights[f"{name}.beta"]


def gelu(x: np.ndarray) -> np.ndarray:
    """Gaussian error linear unit in its exact form (Hendrycks & Gimpel 2016)."""
    return x * ndtr(x)


def directions(x: np.ndarray) -> np.ndarray:
    """Rows of (n, d) at length 1; a row of zeros stays."""
    return x / np.sqrt(np.maximum(np.square(x).sum(axis=1, keepdims=True), TINY))


def softmax(x: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function, through tanh so that no input overflows."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def attention(queries: np.ndarray, keys: np.ndarray, allowed: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Multi-head attention (Vaswani et al. 2017), (n, q, d) over (n, k, d) → (n, q, d).

    allowed  bool (n, q, k), which keys a query may look at
    """
    q = np.einsum("nqd,dhe->nhqe", queries, weights[f"{name}.query.kernel"], optimize=True)
    k = np.einsum("nkd,dhe->nhke", keys, weights[f"{name}.key.kernel"], optimize=True)
    v = np.einsum("nkd,dhe->nhke", keys, weights[f"{name}.value.kernel"], optimize=True)
    q = q + weights[f"{name}.query.bias"][:, None]
    k = k + weights[f"{name}.key.bias"][:, None]
    v = v + weights[f"{name}.value.bias"][:, None]
    logits = q @ k.swapaxes(-1, -2) / np.sqrt(np.float32(q.shape[-1])) + np.where(allowed, 0, MASKED)[:, None]
    mixed = softmax(logits.astype(np.float32)) @ v
    return (
        np.einsum("nhqe,hed->nqd", mixed, weights[f"{name}.attention_output.kernel"], optimize=True)
        + weights[f"{name}.attention_output.bias"]
    )


def gru(x: np.ndarray, mask: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Last state of a gated recurrent unit (Cho et al. 2014; Keras' reset_after form), (n, steps, d) → (n, units).

    mask  bool (n, steps); a masked step leaves the state as it was
    """
    inputs = x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"][0]
    recurrent, bias = weights[f"{name}.recurrent_kernel"], weights[f"{name}.bias"][1]
    units = len(recurrent)
    state = np.zeros((len(x), units), dtype=np.float32)
    for step in range(x.shape[1]):
        own, past = inputs[:, step], state @ recurrent + bias
        gates = sigmoid(own[:, : 2 * units] + past[:, : 2 * units])
        update, reset = gates[:, :units], gates[:, units:]
        fresh = np.tanh(own[:, 2 * units :] + reset * past[:, 2 * units :])
        state = np.where(mask[:, step, None], update * state + (1 - update) * fresh, state)
    return state


def lstm(x: np.ndarray, mask: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Last output of long short-term memory (Hochreiter & Schmidhuber 1997), (n, steps, d) → (n, units)."""
    inputs = x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]
    recurrent = weights[f"{name}.recurrent_kernel"]
    state = memory = np.zeros((len(x), len(recurrent)), dtype=np.float32)
    for step in range(x.shape[1]):
        into, keep, fresh, out = np.split(inputs[:, step] + state @ recurrent, 4, axis=1)
        kept = sigmoid(keep) * memory + sigmoid(into) * np.tanh(fresh)
        shown, here = sigmoid(out) * np.tanh(kept), mask[:, step, None]
        state, memory = np.where(here, shown, state), np.where(here, kept, memory)
    return state


def rnn(x: np.ndarray, mask: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Last state of a plain recurrence with tanh (Elman 1990), (n, steps, d) → (n, units)."""
    inputs = x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]
    recurrent = weights[f"{name}.recurrent_kernel"]
    state = np.zeros((len(x), len(recurrent)), dtype=np.float32)
    for step in range(x.shape[1]):
        state = np.where(mask[:, step, None], np.tanh(inputs[:, step] + state @ recurrent), state)
    return state
