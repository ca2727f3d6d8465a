"""Where files belong on this machine (XDG Base Directory Specification)."""

import os
from pathlib import Path

_NAME = "stageline"


def data_directory() -> Path:
    """What must not be lost: the profile database."""
    return _directory("XDG_DATA_HOME", ".local/share")


def cache_directory() -> Path:
    """What can be made again: compiled kernels."""
    return _directory("XDG_CACHE_HOME", ".cache")


def config_directory() -> Path:
    """What the user has set: the list of boards."""
    return _directory("XDG_CONFIG_HOME", ".config")


def default_database() -> Path:
    """The profile database that is used when none is named."""
    return data_directory() / "profiles.sqlite"


def _directory(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    return (Path(base) if base.startswith("/") else Path.home() / fallback) / _NAME
