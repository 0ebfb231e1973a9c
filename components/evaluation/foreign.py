"""Ask a recommender that was fitted on another catalogue: its ids are translated, not its lists re-made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from components.core.dataset import Dataset, Histories
from components.core.vocabulary import Vocabulary
from components.evaluation.protocol import Lister, Lists


def translated(lister: Lister, items: Vocabulary, users: Vocabulary, data: Dataset) -> Lister:
    """A lister over `data`'s catalogue that answers with the foreign lister's lists.

    items, users  the foreign recommender's vocabularies
    Events of items it does not know are left out of its histories; items it names that `data` does not know
    become -1, which is never a hit.
    """
    item_there, item_here = items.encode(data.items.ids), data.items.encode(items.ids)
    user_there = np.append(users.encode(data.users.ids), -1)  # index -1 stays -1

    def ask(histories: Histories) -> Lists:
        moved = replace(histories, items=item_there[histories.items], users=user_there[histories.users])
        answers = lister(moved.keep(moved.items >= 0))
        return {view: np.where(ranked >= 0, item_here[ranked], -1) for view, ranked in answers.items()}

    return ask
