"""Two towers: a user's pooled history on one side, an item's id and content on the other, and the angle between them.

Use it where new items must be found before anybody bought them: an item's vector is the sum of what its id and its
content say, and in training the id is now and then left out, so that the content learns to stand alone (as in
DropoutNet). An item nobody bought has its content only. Without content it is a plain two-tower model of ids.
Content (`Dataset.content`): attributes and tags as embeddings, vectors through a linear layer, and with `text` the
words of the title through an average or a convolution (Kim 2014).
Cost: per epoch examples × negatives × embedding_size operations, some minutes per million events; the item tower is
evaluated once, so that scoring is a matrix product in numpy.
Source: Yi et al. 2019 (doi:10.1145/3298689.3346996), sampled softmax with logQ correction; Volkovs et al. 2017.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from components.core import bundle
from components.core.content import ItemContent
from components.core.dataset import Dataset, Histories
from components.core.errors import BundleError, ConfigError, DataError
from components.core.forms import VectorModel, with_biases, with_ones
from components.core.model import Capabilities
from components.core.space import NEGATIVES, REPEAT_WEIGHT, Floats
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._later import teaches
from components.deep._numpy_layers import dense, directions
from components.deep._pools import pools_of
from components.deep._two_tower_start import begun_from, bundles_of

if TYPE_CHECKING:
    from components.deep._two_tower_training import TwoTowerTrainer


class TwoTowerConfig(CatalogueConfig):
    """How a history is read, what an item's vector is made of, and what training starts from.

    max_length     baskets of a history that are read, the last ones
    basket_decays  weight of a basket against the one after it, once for each pooled vector of the history
    hidden_size    of the user's network
    examples       baskets of a user to be foretold per epoch, at most
    repeat_weight  weight of a target the user had bought before, against 1 for a first buy
    temperature    of the cosine: logit = cosine / temperature + bias
    id_dropout     share of the items whose id is left out of a training step, where there is content
    min_events     an item bought less often has no id vector, its content only
    content        `use` what the data set has, or `require` it, or `ignore` it
    text           the words of the titles: `none`, their `mean`, or a convolution over them (`cnn`)
    item_hidden_size  of a network over the item's content, beside the plain sum of its parts; 0: there is none
    start_from     folder of a two_tower bundle of another shop or department, or above those of its folds: items of
                   the same id, attributes of the same name, and the user's network start as there; nothing by default
    targets        attribute → values, e.g. {department: [DRUG GM]}: only items with one of them are foretold. Others
                   are read in histories, and scored below all of these. Nothing by default: every item is foretold
    """

    space: ClassVar = CatalogueConfig.space | {
        "temperature": Floats(0.03, 0.3, log=True),
        "id_dropout": Floats(0, 0.5),
        "repeat_weight": REPEAT_WEIGHT,
        "negatives": NEGATIVES,
    }
    max_length: int = Field(default=20, ge=1, le=1000)
    basket_decays: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field((0.3, 0.9), min_length=1, max_length=4)
    hidden_size: int = Field(default=128, ge=1, le=2048)
    examples: int = Field(default=20, ge=1)
    repeat_weight: float = Field(default=0.2, gt=0, le=1)
    temperature: float = Field(default=0.07, gt=0, le=10)
    id_dropout: float = Field(default=0.1, ge=0, le=1)
    min_events: int = Field(default=1, ge=0)
    content: Literal["use", "require", "ignore"] = "use"
    text: Literal["none", "mean", "cnn"] = "none"
    item_hidden_size: int = Field(default=0, ge=0, le=2048)
    start_from: str | None = None
    targets: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch_size: int = Field(default=512, ge=1)

    @model_validator(mode="after")
    def _no_text_of_what_is_ignored(self) -> TwoTowerConfig:
        if self.content == "ignore" and self.text != "none":
            raise ValueError("text must be none where content is ignore: titles are content")
        return self


class TwoTower(CatalogueModel, VectorModel):
    """Cosine of the user's and the item's vector over a temperature, plus the item's bias."""

    version = 2
    Config = TwoTowerConfig
    capabilities = Capabilities(uses_order=True, uses_content=True, starts_from="start_from")

    def reads(self) -> dict[str, str]:
        """The bundle that the training starts from."""
        start = self.config.start_from
        if not start:
            return {}
        try:
            return {"start_from": "-".join(bundle.digest(at) for at in bundles_of(Path(start)))}
        except (BundleError, OSError, KeyError, TypeError):
            raise ConfigError(
                f"{self.component()}: start_from: {start} is no folder of a model (it has no {bundle.MANIFEST} that "
                "can be read); give one that a two_tower was saved to, e.g. artifacts/models/two_tower, or none."
            ) from None

    def trainer(self, data: Dataset, rng: np.random.Generator) -> TwoTowerTrainer:
        """Id vectors start as the leading directions of who bought what, or as another model's.

        Raises DataError where content is required and says nothing, or the text is asked for and there are no words.
        """
        config, content = self.config, data.content
        if config.text != "none" and (content is None or not content.n_words):
            raise DataError(
                f"{self.component()}: text: {config.text} reads titles, and no two items share a word of a title; give "
                "titles (in a shop's item table; bare sequences have none), or take two_tower or content_mlp, which "
                "read attributes."
            )
        if config.content == "require" and not has_content(content, config):
            raise DataError(
                f"{self.component()}: nothing is known of the items, and content: require asks for it; give item "
                "attributes (in a shop's item table; for bare sequences in item_attributes.json beside them), or take "
                "two_tower with content: use."
            )
        targets = self.targeted(data)
        start = begun_from(self, Path(config.start_from), data) if config.start_from else None
        from components.deep._two_tower_training import TwoTowerTrainer

        return TwoTowerTrainer(data, config, rng, targets, start)

    def targeted(self, data: Dataset) -> np.ndarray | None:
        """Those of the option `targets`.

        Raises DataError where no item has a value that is asked for, or there is nothing to learn of those that have.
        """
        if not self.config.targets:
            return None
        nothing = ItemContent(np.zeros((len(data.items), 0), np.float32))
        try:
            targets = (data.content or nothing).having(self.config.targets)
        except DataError as e:
            raise DataError(f"{self.component()}: targets: {e}") from None
        if not teaches(data.histories, targets):
            raise DataError(
                f"{self.component()}: targets: nobody bought any of the {targets.sum():,} items to be foretold after "
                "something else, so there is nothing to learn; name more values, or bring more history."
            )
        return targets

    def logits(self, histories: Histories) -> np.ndarray:
        """From tower_vectors (n_items, d), item_biases (n_items,) and the layers of the user's network."""
        return (
            self.directions_of(histories) @ directions(self.weights["tower_vectors"]).T / self.config.temperature
            + (self.weights["item_biases"])
        )

    def item_vectors(self) -> np.ndarray:
        """The towers' directions, and the biases."""
        return with_biases(directions(self.weights["tower_vectors"]), self.weights["item_biases"])

    def queries(self, histories: Histories) -> np.ndarray:
        """The users' directions over the temperature."""
        return with_ones(self.directions_of(histories) / self.config.temperature)

    def directions_of(self, histories: Histories) -> np.ndarray:
        """float32 (n, embedding_size): the users' vectors, of length 1."""
        w, config = self.weights, self.config
        pooled = pools_of(histories, config.basket_decays, config.max_length).sums(w["tower_vectors"])
        hidden = np.maximum(dense(pooled, w, "user_hidden"), 0)
        users = pooled @ w["user_linear.kernel"] + dense(hidden, w, "user_out")
        return directions(users)


def has_content(content: ItemContent | None, config: TwoTowerConfig) -> bool:
    """Whether a tower of this kind has anything of the items to read beside their ids."""
    if content is None or config.content == "ignore":
        return False
    return content.says_something if config.text != "none" else replace(content, words=None).says_something
