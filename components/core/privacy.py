"""privacy.json: which key made the project's pseudonyms, and who was forgotten. Only keyed hashes: git may keep it.

The key itself lies in state/ or in the environment. The record outlives both, so that a lost or a changed key is
noticed before it gives everybody a second pseudonym.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from components.core import layout
from components.core.bundle import read_json, write_json
from components.core.errors import ConfigError
from components.core.pseudonyms import KEY_VARIABLE, PseudonymKey, find_key, key_of, make_key


@dataclass(frozen=True)
class Privacy:
    """The record.

    key_fingerprint  of the key that is in use; None before the first pseudonym
    forgotten        pseudonyms of people who were forgotten, by the fingerprint of the key that made them
    """

    key_fingerprint: str | None = None
    forgotten: dict[str, list[str]] = field(default_factory=dict)

    def with_forgotten(self, key: PseudonymKey, user_id: str) -> Privacy:
        """The record with one more person."""
        people = sorted({*self.forgotten.get(key.fingerprint, []), key.pseudonym(user_id)})
        return replace(self, forgotten=self.forgotten | {key.fingerprint: people})


def read_privacy(root: Path) -> Privacy:
    """The project's record; an empty one where there is none. ConfigError if the file is not one."""
    path = root / layout.PRIVACY
    if not path.is_file():
        return Privacy()
    content = read_json(path)
    try:
        record = Privacy(**content)
        sound = record.key_fingerprint is None or isinstance(record.key_fingerprint, str)
        sound &= all(isinstance(p, str) for people in record.forgotten.values() for p in people)
    except (TypeError, AttributeError):
        sound = False
    if not sound:
        raise ConfigError(f"{path}: not a record of this version; restore it with `git checkout {layout.PRIVACY}`.")
    return record


def write_privacy(root: Path, record: Privacy) -> None:
    """Write it, atomically."""
    write_json(root / layout.PRIVACY, asdict(record))


def settle_key(root: Path) -> PseudonymKey:
    """The key of the project's pseudonyms, made at first use and noted in the record.

    Raises ConfigError if the record names another key than the one that is here, or the key it names is gone.
    """
    record, key = read_privacy(root), find_key(root / layout.STATE)
    if record.key_fingerprint is None:
        key = key or make_key(root / layout.STATE)
        write_privacy(root, replace(record, key_fingerprint=key.fingerprint))
        return key
    if key is None or key.fingerprint != record.key_fingerprint:
        raise ConfigError(_wrong_key(record.key_fingerprint, key))
    return key


def forgotten_people(root: Path) -> dict[PseudonymKey, list[str]]:
    """Pseudonyms of those who were forgotten, by key; ConfigError if a key that is needed to know them is gone."""
    record = read_privacy(root)
    people_of: dict[PseudonymKey, list[str]] = {}
    for fingerprint, people in record.forgotten.items():
        key = key_of(fingerprint, root / layout.STATE)
        if people and key is None:
            raise ConfigError(
                f"{layout.PRIVACY}: {len(people)} people were forgotten under the key {fingerprint}, which is not "
                f"here: they would come back unnoticed. Restore it as {layout.STATE}/pseudonym.{fingerprint}.key."
            )
        if people:
            people_of[key] = people
    return people_of


def _wrong_key(wanted: str, found: PseudonymKey | None) -> str:
    here = f"the key that is here is {found.fingerprint}" if found else "there is no key here"
    return (
        f"{layout.PRIVACY}: the pseudonyms were made with the key {wanted}, but {here}: everybody would get a second "
        f"pseudonym. Restore {layout.PSEUDONYM_KEY} or {KEY_VARIABLE}; if a new key is meant, "
        "`shoploop pseudonyms accept` notes it and the next run makes all pseudonyms anew."
    )
