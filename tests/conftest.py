"""What every test starts from: folders of its own and no settings of the user's."""

from pathlib import Path

import pytest

_SETTINGS = (
    *("STAGELINE_DB", "STAGELINE_PYTHON", "STAGELINE_AARCH64_LINKER"),
    *("COLUMNS", "NO_COLOR", "FORCE_COLOR", "CC"),
)


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where compiled kernels go: by content, so tests may share them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_folders(
    tmp_path_factory: pytest.TempPathFactory, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps tests, and the programs that they start, away from the user's files and settings."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    monkeypatch.setenv("STAGELINE_POWER", "none")  # whether this machine tells its power must not matter
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
