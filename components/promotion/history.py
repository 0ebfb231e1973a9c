"""The history of the champion: append-only, every entry holding the hash of the one before it.

SQLite in WAL under state/. There is one writer at a time, across processes: whoever is inside `writing` sees the last
entry and is the only one who may add to it, so a champion that was compared is still the champion when it is replaced.
Entries cannot be updated or deleted through SQL (triggers); what is done to the file behind SQLite's back breaks the
chain, and `trouble` says where.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path

from components.core import layout
from components.core.errors import ReleaseError
from components.tracking.registry import CANARY

FORMAT = 1
WAIT_S = 30.0  # for others who are promoting
NOTHING_BEFORE = "0" * 64
PROMOTED, ROLLED_BACK, TAKEN_UP = "promoted", "rolled back", "taken up"
REFUSED = "refused"  # somebody asked in MLflow, and the gates or the files said no; the champion stayed
CANARY_OFF = "canary switched off"  # by a service, because the version crossed a line (promotion/canary.py)
WITHDRAWN = "canary withdrawn"  # by a person, who took the alias away
MOVES = (PROMOTED, ROLLED_BACK, TAKEN_UP)  # what changes the champion
LONGEST_WORDS = 500  # letters of a name or a reason
NOTE = " – note: "  # in a reason, before what the checks had to say of a move that they let pass


@dataclass(frozen=True)
class Entry:
    """One entry: who did what, when and why.

    at               UTC, RFC 3339
    action           one of MOVES, REFUSED, CANARY_OFF, WITHDRAWN, or another alias that was pointed at the version
    by               who decided
    version          the version it was about
    previous         the champion before, None before the first
    champion         the champion after
    release_digest   of the version's files
    gates_digest     of what the gates had said of the version (promotion/checks.py)
    previous_hash    `hash` of the entry before; NOTHING_BEFORE for the first
    hash             of all the other fields
    """

    seq: int
    at: str
    action: str
    by: str
    reason: str
    version: str
    previous: str | None
    champion: str | None
    release_digest: str
    gates_digest: str
    previous_hash: str = NOTHING_BEFORE
    hash: str = ""

    def __str__(self) -> str:
        """The entry in words, without its reason."""
        before = f", before it {self.previous}" if self.previous else ""
        by = one_line(self.by)
        if self.action in MOVES:
            return f"champion is version {self.version} ({self.action} by {by}{before})"
        return f"version {self.version}: {self.action} (by {by}); champion stays {self.champion or 'none'}"

    @property
    def note(self) -> str:
        """What the checks had to say of a move that they let pass; empty where it was nothing."""
        return self.reason.partition(NOTE)[2]

    @property
    def anchor(self) -> str:
        """What the registry keeps of the newest entry, so that a history that was cut off at its end is noticed."""
        return f"{self.seq}:{self.hash}"

    def sealed(self) -> Entry:
        """The entry with its hash."""
        told = json.dumps(asdict(replace(self, hash="")), sort_keys=True, ensure_ascii=True)
        return replace(self, hash=hashlib.sha256(told.encode()).hexdigest())


def one_line(told: str) -> str:
    """What a person said, on one line of at most LONGEST_WORDS letters that can be seen: a reason that brings line ends
    or a terminal's commands along could otherwise look like an entry of its own, or hide one.
    """
    seen = "".join(c for c in " ".join(told.split()) if c.isprintable())
    return seen if len(seen) <= LONGEST_WORDS else f"{seen[: LONGEST_WORDS - 1]}…"


def noted(reason: str, note: str | None) -> str:
    """A reason with what the checks had to say; the reason is cut, not the note."""
    if note is None:
        return reason
    room = LONGEST_WORDS - len(NOTE) - len(note)
    said = one_line(reason)
    return f"{said if len(said) <= room else f'{said[: room - 1]}…'}{NOTE}{note}"


COLUMNS = tuple(field.name for field in fields(Entry))
SCHEMA = f"""
create table if not exists history (
    seq integer primary key, at text not null, action text not null, by text not null, reason text not null,
    version text not null, previous text, champion text, release_digest text not null, gates_digest text not null,
    previous_hash text not null, hash text not null unique
);
create trigger if not exists no_update before update on history
    begin select raise(abort, 'the history is append-only'); end;
create trigger if not exists no_delete before delete on history
    begin select raise(abort, 'the history is append-only'); end;
pragma user_version = {FORMAT};
"""
ADD = f"insert into history ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our columns
ALL = f"select {', '.join(COLUMNS)} from history order by seq"  # noqa: S608
LAST = f"{ALL} desc limit 1"


class Writer:
    """The one who may add entries now; made by `History.writing`."""

    def __init__(self, connection: sqlite3.Connection):
        """A connection that holds the write lock."""
        self._connection = connection

    @property
    def last(self) -> Entry | None:
        """The newest entry; nobody can add another meanwhile."""
        row = self._connection.execute(LAST).fetchone()
        return Entry(*row) if row else None

    def knows(self, anchor: str | None) -> bool:
        """Whether the history is what the registry remembers of it, or has grown since.

        A registry that remembers nothing is that of a history that has just begun, or another one.
        """
        if anchor is None:
            return self._connection.execute("select count(*) from history").fetchone()[0] <= 1
        seq, _, kept = anchor.partition(":")
        row = self._connection.execute("select hash from history where seq = ?", (seq,)).fetchone()
        return row is not None and row[0] == kept

    def add(self, entry: Entry) -> Entry:
        """Append an entry, whose number and hashes are made here; it counts when the block ends without an error."""
        last = self.last
        seq, before = (last.seq + 1, last.hash) if last else (1, NOTHING_BEFORE)
        entry = replace(entry, seq=seq, previous_hash=before).sealed()
        self._connection.execute(ADD, astuple(entry))
        return entry


class History:
    """The entries of one project, oldest first."""

    def __init__(self, root: Path = Path()):
        """root: the project's folder. The file is made with the first entry."""
        self.path = Path(root) / layout.PROMOTIONS

    @property
    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return self.path.is_file()

    def entries(self) -> list[Entry]:
        """All entries; none where there is no file. ReleaseError if the file is no history of this format."""
        if not self.exists:
            return []
        with self._opened() as connection:
            return [Entry(*row) for row in connection.execute(ALL)]

    def last(self) -> Entry | None:
        """The newest entry, or None."""
        if not self.exists:
            return None
        with self._opened() as connection:
            return Writer(connection).last

    def champion(self) -> str | None:
        """The champion as the history knows it."""
        last = self.last()
        return last.champion if last else None

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the one write lock: what is added counts if the block ends well, and nothing of it otherwise.

        Raises ReleaseError if others held it for half a minute.
        """
        with self._opened(create=True) as connection:
            try:
                connection.execute("begin immediate")
            except sqlite3.OperationalError as e:
                raise ReleaseError(
                    f"{self.path}: cannot be written ({e}); somebody else is promoting, try again."
                ) from e
            try:
                yield Writer(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _opened(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        if create:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as connection:
                self._check_format(connection)
                yield connection
        except sqlite3.DatabaseError as e:
            raise ReleaseError(
                f"{self.path}: the history cannot be used ({e}); restore the file, or move it away."
            ) from e

    def _check_format(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("pragma user_version").fetchone()[0]
        if found == 0:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(SCHEMA)
        elif found != FORMAT:
            raise ReleaseError(
                f"{self.path}: a history of another format ({found}, this version knows {FORMAT}); "
                "use the version of shoploop that wrote it."
            )
        connection.execute("pragma synchronous = full")


def trouble(entries: Sequence[Entry], anchor: str | None = None) -> str | None:
    """The first thing that is wrong with a chain, in words; None if it holds.

    anchor  what the registry remembers of the newest entry: a chain that was cut off at its end is whole in itself
    """
    broken = _broken_link(entries)
    if broken is None and anchor is not None and anchor not in {entry.anchor for entry in entries}:
        seq = anchor.partition(":")[0]
        return f"the registry remembers another entry {seq} than this history: it was cut off or replaced"
    return broken


def _broken_link(entries: Sequence[Entry]) -> str | None:
    before, champion = NOTHING_BEFORE, None
    for number, entry in enumerate(entries, start=1):
        if entry.seq != number:
            return f"entry {number} is missing (found {entry.seq} in its place)"
        if entry.sealed().hash != entry.hash:
            return f"entry {number} was altered: its hash is not that of its words"
        if entry.previous_hash != before:
            return f"entry {number} does not follow the one before it: an entry was replaced or taken out"
        if entry.previous != champion:
            return f"entry {number} replaces champion {entry.previous}, but the champion was {champion}"
        before, champion = entry.hash, entry.champion
    return None


def reigns(entries: Sequence[Entry]) -> list[str]:
    """Versions in the order of their reign, those rolled back left out; the last one is the present champion."""
    line: list[str] = []
    for entry in entries:
        if entry.action == ROLLED_BACK:
            line = _back_to(entry.version, line)
        elif entry.action in MOVES:
            line = [*line, entry.version]
    return line


def on_trial(entries: Sequence[Entry]) -> str | None:
    """The version that a person lets answer a share of the people; None where there is none.

    It is on trial no longer once it became champion, was switched off, or was withdrawn.
    """
    ended: set[str] = set()
    for entry in reversed(entries):
        if entry.action == CANARY:
            return None if entry.version in ended else entry.version
        if entry.action == WITHDRAWN:
            return None
        if entry.action in (*MOVES, CANARY_OFF):
            ended.add(entry.version)
    return None


def _back_to(version: str, line: list[str]) -> list[str]:
    """The line up to the version's latest reign: 1, 2, 1, 3 rolled back to 1 is 1, 2, 1, whose predecessor is 2."""
    if version not in line:
        return [*line[:-1], version]
    return line[: len(line) - line[::-1].index(version)]
