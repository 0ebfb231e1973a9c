"""MovieLens ratings in the forms of 100k (u.data), 1M (ratings.dat) and 20M/25M/latest (ratings.csv).

Times are unix seconds, in UTC. A film's first genre is its category; all of them are kept among its attributes.
Every event is a rating; what to count as liked is for the split to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from components.core import schema
from components.core.config import Config
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import UNIX_S, TimeFormat

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

RATINGS, MOVIES, USERS = "ratings", "movies", "users"
GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
GENRE, GENRE_LIST = "first_genre", "genres"
RATING_COLUMNS = ("userId", "movieId", "rating", "timestamp")
MOVIE_COLUMNS = ("movieId", "title", "genres")


def _headless(delimiter: str, columns: tuple[str, ...], encoding: str = "latin-1") -> FileFormat:
    return FileFormat(format="csv", delimiter=delimiter, header=False, columns=columns, encoding=encoding, quote=None)


FORMS = {
    "100k": {
        RATINGS: ("u.data", _headless("\t", RATING_COLUMNS)),
        MOVIES: ("u.item", _headless("|", ("movieId", "title", "released", "video_released", "imdb_url", *GENRES))),
        USERS: ("u.user", _headless("|", ("userId", "age", "gender", "occupation", "zip"))),
    },
    "1m": {
        RATINGS: ("ratings.dat", _headless("::", RATING_COLUMNS)),
        MOVIES: ("movies.dat", _headless("::", MOVIE_COLUMNS)),
        USERS: ("users.dat", _headless("::", ("userId", "gender", "age", "occupation", "zip"))),
    },
    "csv": {
        RATINGS: ("ratings.csv", FileFormat(format="csv", delimiter=",", encoding="utf-8")),
        MOVIES: ("movies.csv", FileFormat(format="csv", delimiter=",", encoding="utf-8")),
    },
}


class MovielensConfig(Config):
    """Where the unpacked files are, and in which form: "csv" is that of 20M, 25M and latest."""

    folder: str
    form: Literal["100k", "1m", "csv"] = "csv"
    limits: Limits = Limits()


class Movielens(MappedSource):
    """Ratings of films; users where the form has them."""

    Config = MovielensConfig
    local_time_zone = "UTC"
    currency = ""
    pseudonymous = True

    def by_file(self) -> tuple[str, ...]:
        """All tables the form has: every line is one rating, film or user."""
        users = (schema.USERS_TABLE,) if USERS in FORMS[self.config.form] else ()
        return (schema.INTERACTIONS_TABLE, schema.ITEMS_TABLE, *users)

    def raw_tables(self) -> dict[str, RawTable]:
        """Ratings, films and, in the older forms, users."""
        forms = FORMS[self.config.form].items()
        return {name: RawTable((f"{self.config.folder}/{file}",), form) for name, (file, form) in forms}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Ratings as events whose value is the rating."""
        ratings = TableMapping(
            columns={
                schema.USER_ID: "userId",
                schema.ITEM_ID: "movieId",
                schema.TIMESTAMP: "timestamp",
                schema.VALUE: "rating",
            },
            events=(EventRule(type="rating"),),
            time=TimeFormat(format=UNIX_S),
        )
        movies = TableMapping(
            columns={schema.ITEM_ID: "movieId", schema.TITLE: "title", schema.CATEGORY: GENRE}, attributes=(GENRE_LIST,)
        )
        parts = [
            Part(RATINGS, schema.INTERACTIONS_TABLE, ratings),
            Part(MOVIES, schema.ITEMS_TABLE, movies, rows=_with_genres(raw[MOVIES])),
        ]
        if USERS in raw:
            columns = {schema.USER_ID: "userId", "age": "age"}
            users = TableMapping(columns=columns, attributes=("gender", "occupation", "zip"))
            parts.append(Part(USERS, schema.USERS_TABLE, users))
        return parts


def _with_genres(movies: Table) -> Table:
    """The films with all their genres, "A|B", and the first of them."""
    genres = movies[GENRE_LIST] if GENRE_LIST in movies.columns else _flagged(movies)
    told = movies.mutate(**{GENRE_LIST: genres.nullif("")})
    first = told[GENRE_LIST].re_extract(r"\A([^|]+)", 1).nullif("")
    return told.mutate(**{GENRE: first})


def _flagged(movies: Table) -> StringValue:
    """The names of the genres whose column holds 1."""
    import ibis

    total = ibis.literal("")
    for genre in GENRES:
        total = total + (movies[genre] == "1").fill_null(False).ifelse(f"|{genre}", "")
    return total.re_replace(r"\A\|", "")
