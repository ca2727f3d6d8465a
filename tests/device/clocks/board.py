"""A TX2's files with the helper that steers them, as a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from device.clocks.client import ClocksClient
from device.errors import ClocksError
from tests.device.trees import boards
from tests.device.trees.kernel import FakeKernel

PROJECT = Path(__file__).parents[3]
WITHIN_S = 60.0


class HelpedBoard:
    """A TX2's files, and the helper that steers them."""

    def __init__(self, folder: Path, mode: int) -> None:
        self.root = boards.tx2(folder / "root", mode=mode)
        # Plain files do not vanish with a CPU, as the kernel's do: both clusters are there all the time.
        for cpu in range(6):
            if not (link := self.root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq").is_symlink():
                link.symlink_to(f"../cpufreq/policy{1 if cpu in {1, 2} else 0}")
        self.socket = folder / "clocks.sock"
        self.state_file = folder / "clocks.json"
        self.helper: subprocess.Popen[bytes] | None = None

    def start_helper(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "device.agent", "clocks-helper"]
        command += ["--socket", str(self.socket), "--root", str(self.root)]
        self.helper = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE)
        wait_for(self._listens)
        return self.helper

    def _listens(self) -> bool:
        assert self.helper is not None
        assert self.helper.poll() is None, "the helper has ended"
        try:
            ClocksClient(self.socket).close()
        except ClocksError:
            return False
        return True

    def state(self) -> dict[str, str]:
        return FakeKernel(self.root).state()

    def end(self) -> None:
        if self.helper is not None:
            self.helper.kill()
            self.helper.communicate()


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
