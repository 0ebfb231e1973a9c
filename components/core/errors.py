"""Errors a person is meant to read: what went wrong, what was found, what to do."""


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
