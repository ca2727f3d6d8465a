"""The one door to the database."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine

from db import boards, energies, engine, health, networks, plans, profiles, schema, tuning
from db.errors import DiskError, MissingError
from db.location import Location
from db.records import (
    BoardRecord,
    CheckReport,
    DatabaseInfo,
    DeploymentRecord,
    IdlePower,
    LayerEnergy,
    LayerLatency,
    ModelRecord,
    ModelSummary,
    ModelTotal,
    PlanRecord,
    PlanSummary,
    Profile,
    ProfileFilter,
    Slowdown,
    TuningRecord,
    UpgradeReport,
)


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


class Store:
    """An open database of boards, networks, profiles, plans and deployments.

    Every method is one transaction: what it writes is on the disk when it returns, whole, whatever happens
    to the process or the machine; what it reads is one consistent state. Several processes may use a
    database at once, and several threads a store. The file must lie on a local disk: SQLite's write-ahead
    log does not work on network file systems.

    Every method may raise a `DatabaseError` of `db.errors` that says what to do.
    """

    def __init__(self, location: Location, connections: Engine, clock: Callable[[], datetime]) -> None:
        self._location = location
        self._engine = connections
        self._clock = clock

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        create: bool = True,
        busy_timeout_s: float = engine.BUSY_TIMEOUT_S,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Opens a database of the current version.

        Args:
            url_or_path: The file, or an `sqlite:///` URL.
            create: Make the database and its folder where they are missing.
            busy_timeout_s: How long to wait for other processes.
            clock: Gives the times of what is stored.

        Raises:
            MissingError: There is none, and none was to be made.
            VersionMismatchError: It is of another version; nothing was changed.
            DatabaseError: It cannot be used for another reason.
        """
        location = Location.parse(url_or_path)
        _prepare_file(location, create=create)
        connections = engine.connect(location, busy_timeout_s=busy_timeout_s)
        try:
            with engine.reading(connections, location) as connection:
                version = schema.version_of(connection, location)
            if version is None:
                _require_presence(location, create=create)
                schema.migrate(location, busy_timeout_s=busy_timeout_s)
            else:
                schema.require_current(version, location)
        except BaseException:
            connections.dispose()
            raise
        return cls(location, connections, clock)

    @classmethod
    def upgrade(
        cls, url_or_path: str | Path, *, busy_timeout_s: float = engine.BUSY_TIMEOUT_S
    ) -> UpgradeReport:
        """Brings an existing database to the current version, whole or not at all.

        Raises:
            MissingError: There is none.
            MigrationError: It failed; the database is as before.
            VersionMismatchError: A newer program made the database.
        """
        location = Location.parse(url_or_path)
        _require_presence(location, create=location.path.exists())
        before = schema.migrate(location, busy_timeout_s=busy_timeout_s)
        return UpgradeReport(path=location.path, before=before, after=schema.CURRENT)

    def close(self) -> None:
        """Gives all connections back; the last process to close folds the write-ahead log into the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Closes the store at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the store."""
        self.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self._location.path

    def put_board(self, board: BoardRecord) -> None:
        """Stores a board, or what is new about one with that fingerprint."""
        with self._writing() as connection:
            boards.put(connection, board, self._clock())

    def find_board(self, name: str) -> BoardRecord | None:
        """The board of that name, or with that fingerprint, that was stored last."""
        with self._reading() as connection:
            return boards.find(connection, name)

    def boards(self) -> tuple[BoardRecord, ...]:
        """All boards, those stored last first."""
        with self._reading() as connection:
            return boards.every(connection)

    def put_model(self, model: ModelRecord) -> None:
        """Stores a network, or replaces the layers of the one with that fingerprint; profiles stay."""
        with self._writing() as connection:
            networks.put(connection, model, self._clock())

    def find_model(self, fingerprint: str) -> ModelRecord | None:
        """The network with that fingerprint."""
        with self._reading() as connection:
            return networks.find(connection, fingerprint)

    def find_model_by_name(self, name: str) -> ModelRecord | None:
        """The network of that name that was stored last."""
        with self._reading() as connection:
            return networks.find_by_name(connection, name)

    def models(self) -> tuple[ModelSummary, ...]:
        """All networks by name, those stored last first."""
        with self._reading() as connection:
            return networks.summaries(connection)

    def put_profiles(self, batch: Iterable[Profile]) -> None:
        """Stores profiles, all or none; their boards must be stored before.

        A profile replaces the one of the same layer, environment, placement and level, unless that would
        lose work: an interrupted one never replaces a finished one, nor an interrupted one with more
        samples.
        """
        with self._writing() as connection:
            profiles.put(connection, batch)

    def profiles_for(
        self, environment_fingerprint: str, layer_hashes: Collection[str]
    ) -> tuple[Profile, ...]:
        """What is known about some layers in exactly one environment, on every placement and level."""
        with self._reading() as connection:
            return profiles.measured_in(connection, environment_fingerprint, layer_hashes)

    def profiles_like(self, environment_fingerprint: str, prefix: str) -> tuple[Profile, ...]:
        """What is known in exactly one environment about things with names instead of hashes, by their beginning."""
        with self._reading() as connection:
            return profiles.named_in(connection, environment_fingerprint, prefix)

    def profiles(self, chosen: ProfileFilter | None = None) -> tuple[LayerLatency, ...]:
        """Profiles seen from the networks, in execution order."""
        with self._reading() as connection:
            return profiles.listing(connection, chosen or ProfileFilter())

    def model_totals(self, chosen: ProfileFilter | None = None) -> tuple[ModelTotal, ...]:
        """Whole networks on single placements, the fastest first; `layer` and `status` do not apply."""
        with self._reading() as connection:
            return profiles.totals(connection, chosen or ProfileFilter())

    def put_energies(self, batch: Iterable[LayerEnergy]) -> None:
        """Stores what layers draw, all or none, also in their profiles; their boards must be stored before."""
        with self._writing() as connection:
            energies.put(connection, batch)

    def energies_for(
        self, environment_fingerprint: str, layer_hashes: Collection[str]
    ) -> tuple[LayerEnergy, ...]:
        """What some layers draw in exactly one environment, on every placement and level."""
        with self._reading() as connection:
            return energies.measured_in(connection, environment_fingerprint, layer_hashes)

    def put_idle_power(self, record: IdlePower) -> None:
        """Stores what a board draws while nothing runs; the board must be stored before."""
        with self._writing() as connection:
            energies.put_idle(connection, record)

    def idle_powers(self, board_fingerprint: str) -> Mapping[str, IdlePower]:
        """What a board draws while nothing runs, by operating point."""
        with self._reading() as connection:
            return energies.idle_of(connection, board_fingerprint)

    def idle_powers_mw(self, board_fingerprint: str) -> dict[str, float]:
        """The means of these powers in milliwatts."""
        return {name: idle.power.mean_mw for name, idle in self.idle_powers(board_fingerprint).items()}

    def put_tuning_records(self, batch: Iterable[TuningRecord]) -> None:
        """Stores what a search has measured, all or none; their boards must be stored before."""
        with self._writing() as connection:
            tuning.put(connection, batch)

    def tuning_records_for(
        self, environment_fingerprint: str, kernels: Collection[str]
    ) -> tuple[TuningRecord, ...]:
        """What searches found for some kernels in exactly one environment, the fastest first."""
        with self._reading() as connection:
            return tuning.found_in(connection, environment_fingerprint, kernels)

    def tuning_trace(self, digest: str) -> str | None:
        """What was done to a kernel's loops, by the digest of a tuning record."""
        with self._reading() as connection:
            return tuning.trace(connection, digest)

    def add_plan(
        self,
        document: Mapping[str, Any],
        *,
        model_fingerprint: str | None = None,
        board_fingerprint: str | None = None,
    ) -> int:
        """Stores a `stageline.plan/1` document.

        Args:
            document: The plan.
            model_fingerprint: The stored network that it was made for, where there is one.
            board_fingerprint: The stored board that it was made for, where there is one.

        Returns:
            The plan's number.
        """
        with self._writing() as connection:
            return plans.add(
                connection,
                document,
                model_fingerprint=model_fingerprint,
                board_fingerprint=board_fingerprint,
                now=self._clock(),
            )

    def plan(self, plan_id: int) -> PlanRecord:
        """A plan, `measured` filled in from its last deployment.

        Raises:
            NotFoundError: There is no plan of that number.
        """
        with self._reading() as connection:
            return plans.get(connection, plan_id)

    def plans(
        self, *, model: str | None = None, board: str | None = None, limit: int | None = None
    ) -> tuple[PlanSummary, ...]:
        """Plans, the newest first."""
        with self._reading() as connection:
            return plans.summaries(connection, model, board, limit)

    def add_deployment(
        self, plan_id: int, measured: Mapping[str, Any], slowdowns: Sequence[float] | None = None
    ) -> int:
        """Stores what was measured when a plan ran.

        Args:
            plan_id: The plan.
            measured: In the form of a plan's `measured`.
            slowdowns: For each stage the time of its layers over the sum of their profiles, where that is known.

        Returns:
            The deployment's number.

        Raises:
            NotFoundError: There is no plan of that number.
        """
        with self._writing() as connection:
            return plans.add_deployment(connection, plan_id, measured, slowdowns, self._clock())

    def deployments(self, plan_id: int | None = None) -> tuple[DeploymentRecord, ...]:
        """Deployments of one plan or of all, the newest first."""
        with self._reading() as connection:
            return plans.deployments_of(connection, plan_id)

    def slowdowns(
        self, board_fingerprint: str, operating_point: str, limit: int = 1000
    ) -> tuple[Slowdown, ...]:
        """How stages of any network fared on a board at an operating point, the newest first."""
        with self._reading() as connection:
            return plans.slowdowns_on(connection, board_fingerprint, operating_point, limit)

    def info(self) -> DatabaseInfo:
        """Where the database is and how much it holds."""
        with self._reading() as connection:
            return health.information(connection, self._location)

    def check(self) -> CheckReport:
        """Looks for damage in everything that is stored; reads the whole file."""
        with self._reading() as connection:
            found = health.problems(connection)
        return CheckReport(path=self.path, schema_version=schema.CURRENT, problems=found)

    def backup(self, destination: Path) -> None:
        """Writes a compact copy of the present state, also while others write.

        Raises:
            LocationError: The destination exists already.
            DiskError: The destination cannot be written.
        """
        with engine.outside_transaction(self._engine, self._location) as connection:
            health.copy(connection, destination)

    def _reading(self) -> AbstractContextManager[Connection]:
        return engine.reading(self._engine, self._location)

    def _writing(self) -> AbstractContextManager[Connection]:
        return engine.writing(self._engine, self._location)


def _prepare_file(location: Location, *, create: bool) -> None:
    _require_presence(location, create=create or location.path.exists())
    try:
        location.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(
            f"the folder {location.path.parent} cannot be made: {error.strerror}",
            hint="choose another place with --db",
        ) from error


def _require_presence(location: Location, *, create: bool) -> None:
    if not create:
        raise MissingError(
            f"there is no database at {location.path}",
            hint="check --db and $STAGELINE_DB, or make it with `host plan`",
        )
