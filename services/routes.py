"""Every route of the service: which scope a key needs for it, and whether it does work that can be too much."""

from __future__ import annotations

from dataclasses import dataclass

from components.core.api_keys import Scope


@dataclass(frozen=True)
class Route:
    """scope None is open to everybody; `works` routes wait in the bounded queue; HEAD goes wherever GET does."""

    scope: Scope | None
    works: bool = False
    methods: tuple[str, ...] = ("GET",)

    def takes(self, method: str) -> bool:
        """Whether a request of this method has an answer here."""
        return method in self.methods or (method == "HEAD" and "GET" in self.methods)


POST = ("POST",)
ROUTES: dict[str, Route] = {
    "/recommend": Route("recommend", works=True, methods=POST),
    "/similar": Route("recommend", works=True, methods=POST),
    "/events": Route("events", works=True, methods=POST),
    "/search": Route("recommend", works=True, methods=POST),
    "/suggest": Route("recommend", works=True, methods=("GET", *POST)),
    "/release": Route("admin"),
    "/health": Route("admin"),
    "/metrics": Route("admin"),
    "/": Route(None),
    "/schema.json": Route(None),
    "/livez": Route(None),
    "/healthz": Route(None),
    "/readyz": Route(None),
}
PROBES = ("/livez", "/healthz", "/readyz")  # asked by machines that know no name of ours
OTHER = Route("admin")  # whatever was mounted and not declared here is closed rather than open


def route(path: str) -> Route:
    """What is known of a path."""
    return ROUTES.get(path, OTHER)


def label(path: str) -> str:
    """The path as a figure's label: one of ours, or `other`, so that nobody can make labels without end."""
    return path if path in ROUTES else "other"
