"""What keeps the weights of every network small: decay towards 0 (L2), a pull to exactly 0 (L1); off by default.

Both are decoupled from the gradient, so that Adam's scaling does not undo them. After a step at learning rate r a
weight w becomes w − r · regularization · w (Loshchilov & Hutter 2019, arXiv:1711.05101), and then moves by r · l1
towards 0, where it stops (the proximal step of the lasso): weights that the data do not hold up are 0, not almost 0.
Biases and the scales of a normalisation are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from components.core.config import Config

if TYPE_CHECKING:
    import keras

GRADIENT_NORM = 5.0  # gradients are clipped to it; a basket of 150 lines makes outsized ones early on
LEFT_ALONE = ("bias", "gamma", "beta")  # parts of the names of weights that do not shrink


class ShrinkageConfig(Config):
    """How weights are kept small.

    regularization  decoupled weight decay, an L2 penalty (AdamW)
    l1              decoupled L1 penalty: so much times the learning rate each weight moves towards 0 in a step
    """

    regularization: float = Field(default=0.0, ge=0, le=1)
    l1: float = Field(default=0.0, ge=0, le=1)


def decayed(optimizer: keras.Optimizer) -> keras.Optimizer:
    """The optimizer, told which weights its decay leaves alone; before it is built."""
    optimizer.exclude_from_weight_decay(var_names=list(LEFT_ALONE))
    return optimizer


def shrinking(variables: list[keras.Variable], optimizer: keras.Optimizer, l1: float) -> Callable[[], None]:
    """What is to be called after every step of the optimizer, in its graph; does nothing where l1 is 0."""
    import keras

    chosen = [v for v in variables if not any(word in v.path for word in LEFT_ALONE)] if l1 else []

    def shrink() -> None:
        for variable in chosen:
            least = keras.ops.cast(optimizer.learning_rate * l1, variable.dtype)
            variable.assign(keras.ops.sign(variable) * keras.ops.relu(keras.ops.abs(variable) - least))

    return shrink
