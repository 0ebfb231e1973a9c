"""Persons: who asks, under the name by which the release knows them. Nothing behind this sees a raw id."""

from __future__ import annotations

import re

from components.core import layout
from components.core.errors import ReleaseError
from components.core.pseudonyms import KEY_VARIABLE, LENGTH, PseudonymKey, key_of
from components.release.release import Release
from services.settings import Settings

PSEUDONYM = re.compile(rf"[0-9a-f]{{{LENGTH}}}")


class Persons:
    """The keys that this service holds. A release made under an earlier key is served as long as that key is kept."""

    def __init__(self, settings: Settings):
        """The key is looked for in the environment, in the service's own folder, then in the project's."""
        self._folders = (settings.state, settings.root / layout.STATE)
        self._keys: dict[str, PseudonymKey] = {}

    def check(self, release: Release) -> None:
        """ReleaseError if the release knows people by pseudonyms of a key that is not here.

        Without that key everybody would be unknown to it, and nobody would notice.
        """
        wanted = release.pseudonym_key
        if wanted is None or wanted in self._keys:
            return
        key = key_of(wanted, *self._folders)
        if key is None:
            raise ReleaseError(
                f"release {release.digest[:12]}: its user ids are pseudonyms of the key {wanted}, which is not here, "
                f"so it would know nobody. Set {KEY_VARIABLE}, or copy the project's {layout.PSEUDONYM_KEY} into "
                f"{self._folders[0]}."
            )
        self._keys[wanted] = key

    def name(self, user_id: str, release: Release, *, pseudonymous: bool) -> str:
        """What this checked release calls the person.

        pseudonymous  the sender says that this is the release's own name already; what has not its form is hashed all
                      the same, so that no raw id is stored
        """
        wanted = release.pseudonym_key
        if wanted is None or (pseudonymous and PSEUDONYM.fullmatch(user_id)):
            return user_id
        return self._keys[wanted].pseudonym(user_id)
