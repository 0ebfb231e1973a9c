"""The one contract of every model: fitted on a Dataset, asked about Histories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.core import bundle
from components.core.config import Config, parse
from components.core.dataset import Dataset, Histories
from components.core.errors import BundleError, ConfigError
from components.core.memory import Part, check
from components.core.ranking import exclude, top_k
from components.core.vocabulary import Vocabulary

FORMAT = 1


@dataclass(frozen=True)
class Capabilities:
    """What a model declares about itself; the contract test holds it to that."""

    personal: bool = True  # different histories give different scores
    uses_order: bool = False  # the order of a history changes its scores
    uses_time: bool = False  # the age of events changes the scores
    uses_content: bool = False  # is told what items are (`Dataset.content`), where that is known
    scores_unseen: bool = True  # gives signal on items that are not in the user's history
    starts_from: str = ""  # option that names the folder of another model, which its training begins from
    distributed: bool = False  # is fitted on the engine that `engine` names, where that is Spark


class Model(ABC):
    """A scorer of the whole catalogue.

    A subclass names itself by its file (`components/cf/ease.py` is "ease"), declares `version` (an integer,
    bumped when its output changes), `Config` and `capabilities`, and gives `fit`, `score`, `state`, `restore`.
    A model never sees user ids: it scores histories, so a new user is as good as an old one.
    """

    version: ClassVar[int] = 1
    Config: ClassVar[type[Config]]
    capabilities: ClassVar[Capabilities] = Capabilities()
    journal_folder: Path | None = None  # where a long fit keeps its checkpoint and logs; None keeps nothing
    ends_by: float | None = None  # time.monotonic() at which a training with max_minutes stops by itself at the latest
    pressed: bool = False  # whether the last training had until ends_by only, which came before max_minutes
    memory_gb: float | None = None  # what a fit may take; None: what the machine has left
    engine: Config | None = (
        None  # section `engine` of params.yaml, for a model that is `distributed`; None: fitted here
    )

    def __init__(self, config: Config | None = None):
        """Unfitted model; `config` defaults to the declared defaults."""
        self.config = config if config is not None else self.Config()
        self.items: Vocabulary | None = None

    @classmethod
    def component(cls) -> str:
        """Registered name: the name of the file the class lives in."""
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def n_items(self) -> int:
        """Size of the catalogue the model was fitted on."""
        return len(self.items)

    def fit(self, data: Dataset, rng: np.random.Generator) -> Model:
        """Fit on everything in `data` and return self; `data` is left unchanged.

        Raises ConfigError before it starts where it would need more memory than there is, or a file it reads is away.
        """
        self.reads()
        self.items = data.items
        check(self.component(), self.memory(data), self.memory_gb)
        self._fit(data, rng)
        return self

    @abstractmethod
    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        """Learn from `data`; `self.items` is already set."""

    def reads(self) -> dict[str, str]:
        """What a fit reads beside its data: the option that names it → its digest. Nothing by default.

        Raises ConfigError where it is not there.
        """
        return {}

    def memory(self, data: Dataset) -> list[Part]:
        """The arrays of a fit that grow beyond the events: with the catalogue, or with options. Nothing by default."""
        return []

    @abstractmethod
    def score(self, histories: Histories) -> np.ndarray:
        """float32 (len(histories), n_items), larger is better, finite; 0 or less means no evidence."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Everything `score` needs, as named arrays (CSR matrices through bundle.pack_csr)."""

    @abstractmethod
    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back what `state` gave; `self.items` is already set."""

    def curves(self) -> dict[str, list[float]]:
        """Training curves by name (e.g. loss per epoch); empty for models trained in one pass."""
        return {}

    def remarks(self) -> list[str]:
        """What a person should know of how the fit went, in plain sentences; empty where it went as planned."""
        return []

    def recommend(
        self, histories: Histories, k: int, *, exclude_seen: bool = False, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """int32 (n, k) catalogue indices, best first; -1 where fewer than k may be recommended."""
        return top_k(exclude(self.score(histories), histories, seen=exclude_seen, allowed=allowed), k)

    def save(self, path: Path, **provenance: Any) -> None:
        """Write the model as one bundle directory, atomically."""
        meta = {
            "kind": "model",
            "format": FORMAT,
            "component": self.component(),
            "component_version": self.version,
            "config": self.config.model_dump(mode="json"),
            "curves": self.curves(),
            "remarks": self.remarks(),
        }
        bundle.write(path, meta, arrays=self.state(), vocabularies={"items": self.items}, provenance=provenance)


def load(path: Path) -> Model:
    """Read a model bundle back: verified first, then built from our own code.

    Raises BundleError if a file is missing, altered or extra, or the component's version has moved on.
    """
    from components.core.registry import MODELS

    content = bundle.read(path)
    meta = content.meta
    if meta.get("kind") != "model" or meta.get("format") != FORMAT:
        raise BundleError(
            f"{path}: not a model bundle of format {FORMAT} (found {meta.get('kind')} {meta.get('format')})."
        )
    cls = MODELS.get(meta["component"])
    if meta["component_version"] != cls.version:
        raise BundleError(
            f"{path}: made by {meta['component']} version {meta['component_version']}, this code has version "
            f"{cls.version}; train it again."
        )
    try:
        model = cls(parse(cls.Config, meta["config"], f"{path}: config"))
    except ConfigError as e:
        raise BundleError(f"{e} The options have changed since it was trained; train it again.") from None
    model.items = content.vocabularies["items"]
    model.restore(content.arrays)
    return model
