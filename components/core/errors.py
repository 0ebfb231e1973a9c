"""Errors a person is meant to read: what went wrong, what was found, what to do."""

from collections.abc import Iterable


class ShoploopError(Exception):
    """Base of every error shoploop raises on purpose; the command line prints it without a traceback."""


class ConfigError(ShoploopError):
    """A parameter is unknown, missing, of the wrong type or out of range."""


class DataError(ShoploopError):
    """The data are not what was declared: wrong bytes, wrong schema, an empty or broken table."""


class LeakError(DataError):
    """Something that is to be foretold is known already: the split, or what was fitted on it, must not be used."""


class BundleError(ShoploopError):
    """A saved bundle or release is incomplete, altered, or of a format this version cannot read."""


class ReleaseError(ShoploopError):
    """A release cannot be registered, promoted, rolled back or served."""


class RegistryError(ReleaseError):
    """The registry does not answer, or not as it should; says nothing about any release."""


class StateError(ShoploopError):
    """The online store does not answer now; says nothing about what it holds."""


class SilentStoreError(StateError):
    """The online store let somebody wait in vain: the next one had better not wait as well."""


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """What to try in place of an unknown name: the known one that is nearest, else all of them, or `otherwise`."""
    from difflib import get_close_matches

    known = list(known)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return otherwise or f"known: {', '.join(known) or 'none'}."
