"""What a lease has on the board: child processes, a bundle, a pipeline, the clocks. All of it ends with the lease."""

import hashlib
import logging
import shutil
import tempfile
import threading
from pathlib import Path, PurePosixPath

from device.children import Child
from device.clocks import OperatingPoint
from device.clocks.control import Clocks, HeldPoint
from device.errors import BundleError, ClocksError, LeaseExpiredError, PipelineStateError
from device.pipeline_process import PipelineProcess

_log = logging.getLogger(__name__)


class Holding:
    """The possessions of one lease.

    Args:
        clocks: The board's; None where they cannot be set.
    """

    def __init__(self, clocks: Clocks | None = None) -> None:
        self._lock = threading.Lock()
        self._clocks = clocks
        self._clocks_lock = threading.Lock()
        self._held_point: HeldPoint | None = None
        self._children: list[Child] = []
        self._pipeline: PipelineProcess | None = None
        self._bundle = 0
        self._is_closed = False
        self.folder = Path(tempfile.mkdtemp(prefix="stageline-lease-"))

    def start_rpc_server(self) -> Child:
        """Starts a private TVM RPC server, which may also run what is deployed under this lease.

        Raises:
            ChildError: It could not be started.
            LeaseExpiredError: The lease ended meanwhile.
        """
        root = self._clocks.root if self._clocks else Path("/")
        child = Child("device.rpc_child", str(self.bundle_folder), str(root))
        with self._lock:
            self._children.append(child)
        self._end_if_closed()
        return child

    def end(self, child: Child) -> None:
        """Ends a child before the lease does."""
        with self._lock:
            if child in self._children:
                self._children.remove(child)
        child.kill()

    def set_clocks(self, name: str) -> OperatingPoint:
        """Sets an operating point, for as long as the lease lasts or until the next one.

        Raises:
            ClocksError: It cannot be set; the clocks are as they were found.
            LeaseExpiredError: The lease ended meanwhile.
        """
        if self._clocks is None:
            raise ClocksError("the clocks of this board cannot be set")
        with self._clocks_lock:
            self._release_clocks()
            held = self._held_point = self._clocks.hold(name)
        self._end_if_closed()
        return held.point

    def _release_clocks(self) -> None:
        held, self._held_point = self._held_point, None
        if held is not None:
            held.close()

    def new_bundle(self) -> "BundleWriter":
        """Makes room for a bundle, beside that of a running pipeline, if there is one."""
        if self._pipeline is not None and not self._pipeline.is_finished:
            self._bundle += 1
        else:
            self.end_pipeline()
            for number in range(self._bundle + 1):
                shutil.rmtree(self.folder / f"bundle{number}", ignore_errors=True)
            self._bundle = 0
        self.bundle_folder.mkdir()
        return BundleWriter(self.bundle_folder)

    @property
    def bundle_folder(self) -> Path:
        """Where the last deployed bundle is."""
        return self.folder / f"bundle{self._bundle}"

    def start_pipeline(self, *, frames: int, queue_depth: int, drop_on_overload: bool) -> None:
        """Starts the deployed pipeline.

        Raises:
            PipelineStateError: None was deployed, or one is running.
            DeviceError: It could not be loaded.
        """
        if not self.bundle_folder.is_dir():
            raise PipelineStateError("no pipeline was deployed under this lease", hint="deploy one first")
        if self._pipeline is not None and not self._pipeline.is_finished:
            raise PipelineStateError("a pipeline is running already", hint="stop it first")
        self.end_pipeline()
        self._pipeline = PipelineProcess(
            self.bundle_folder, frames=frames, queue_depth=queue_depth, drop_on_overload=drop_on_overload
        )
        self._end_if_closed()

    def swap_pipeline(self) -> None:
        """Lets the pipeline that was deployed last take over from the running one.

        Raises:
            PipelineStateError: None is running.
            DeviceError: It could not be loaded; the running one goes on.
        """
        self.pipeline.swap(self.bundle_folder)

    @property
    def pipeline(self) -> PipelineProcess:
        """The started pipeline.

        Raises:
            PipelineStateError: None was started.
        """
        if self._pipeline is None:
            raise PipelineStateError("no pipeline was started", hint="start one first")
        return self._pipeline

    def end_pipeline(self) -> None:
        """Ends the pipeline, if there is one, at once."""
        if self._pipeline is not None:
            self._pipeline.kill()
            self._pipeline = None

    def close(self) -> None:
        """Ends everything."""
        with self._lock:
            self._is_closed = True
            children, self._children = self._children, []
        for child in children:
            child.kill()
        self.end_pipeline()
        shutil.rmtree(self.folder, ignore_errors=True)
        with self._clocks_lock:
            try:
                self._release_clocks()
            except ClocksError as error:
                _log.error("%s", error.message)

    def _end_if_closed(self) -> None:
        if self._is_closed:
            self.close()
            raise LeaseExpiredError("the lease on this board has ended", hint="start the command again")


class BundleWriter:
    """Writes the files of a bundle as they arrive and checks them.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._sha256, self._size_bytes = "", 0
        self._digest = hashlib.sha256()
        self._written_bytes = 0
        self.files, self.total_bytes = 0, 0

    def begin(self, path: str, size_bytes: int, sha256: str) -> None:
        """Begins the next file; the one before must be complete.

        Raises:
            BundleError: The path leaves the bundle, or the file before is damaged.
        """
        self.finish()
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts or "\0" in path:
            raise BundleError(f"a bundle cannot hold a file named {path!r}")
        self._path = self._folder / relative
        self._sha256, self._size_bytes = sha256, size_bytes
        self._digest, self._written_bytes = hashlib.sha256(), 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(exist_ok=False)
        except OSError as error:
            raise BundleError(f"cannot write {path} on the board: {error.strerror}") from error

    def add(self, data: bytes) -> None:
        """Adds to the present file.

        Raises:
            BundleError: It cannot be written, or grows larger than announced.
        """
        if self._path is None or self._written_bytes + len(data) > self._size_bytes:
            raise BundleError("a bundle's file is larger than announced", hint="deploy again")
        try:
            with self._path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise BundleError(f"cannot write {self._path.name} on the board: {error.strerror}") from error
        self._digest.update(data)
        self._written_bytes += len(data)

    def finish(self) -> None:
        """Checks the present file.

        Raises:
            BundleError: It is not what was announced.
        """
        if self._path is None:
            return
        if self._written_bytes != self._size_bytes or self._digest.hexdigest() != self._sha256:
            raise BundleError(f"{self._path.name} arrived damaged on the board", hint="deploy again")
        self.files += 1
        self.total_bytes += self._written_bytes
        self._path = None
