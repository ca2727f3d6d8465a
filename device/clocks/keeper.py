"""Sets operating points and brings everything back; knows nothing of sockets and processes."""

import logging
from typing import Any

from device.clocks.controls import Controls
from device.clocks.fixed import Fixed
from device.clocks.journal import Journal
from device.clocks.nvpmodel import find_modes
from device.clocks.setting import Setting, apply, restore
from device.errors import ClocksError

_log = logging.getLogger(__name__)


class Keeper:
    """Knows how the board was found as long as it is set differently.

    Args:
        controls: The board.
        journal: Where that is written down before anything is changed.
    """

    def __init__(self, controls: Controls, journal: Journal) -> None:
        self._controls = controls
        self._journal = journal

    def modes(self) -> list[str]:
        """Names of the board's modes."""
        return [mode.name for mode in find_modes(self._controls.files)]

    def set(self, wanted: Any) -> None:
        """Sets a mode or fixed frequencies; where that fails, everything is brought back.

        Args:
            wanted: `{"mode": NAME}`, of the board's own modes, or `{"fixed": ...}`, of frequencies that it lists.

        Raises:
            ClocksError: It is none of these, or Linux does not take or keep it.
        """
        self.restore()  # two points on top of each other would be neither
        setting = self._setting(wanted)
        try:
            apply(self._controls, setting, self._journal.keep)
        except ClocksError:
            self.restore()
            raise

    def restore(self) -> None:
        """Brings back what was found; nothing happens where nothing was changed.

        Raises:
            ClocksError: Not everything could be brought back; it is tried again the next time.
        """
        before = self._journal.read()
        if before:
            restore(self._controls, before)
            self._journal.clear()
            _log.info("the clocks are as they were found")

    def _setting(self, wanted: Any) -> Setting:
        if isinstance(wanted, dict) and wanted.keys() == {"fixed"}:
            return Fixed.from_document(wanted["fixed"]).setting(self._controls.files)
        if isinstance(wanted, dict) and wanted.keys() == {"mode"}:
            for mode in find_modes(self._controls.files):
                if mode.name == wanted["mode"]:
                    return mode.setting()
            known = ", ".join(self.modes()) or "none"
            raise ClocksError(f"this board has no mode {wanted['mode']!r}; it has {known}")
        raise ClocksError("neither a mode nor frequencies were asked for")
