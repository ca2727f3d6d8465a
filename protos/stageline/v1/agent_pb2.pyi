from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ("operating_points",)
    OPERATING_POINTS_FIELD_NUMBER: _ClassVar[int]
    operating_points: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, operating_points: _Optional[_Iterable[str]] = ...) -> None: ...

class Board(_message.Message):
    __slots__ = ("name", "model", "hostname", "machine", "fingerprint", "processors", "operating_points", "sensors", "versions", "notes", "lease_holder", "release", "gpu", "thermal_zones", "settings")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PROCESSORS_FIELD_NUMBER: _ClassVar[int]
    OPERATING_POINTS_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    LEASE_HOLDER_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    GPU_FIELD_NUMBER: _ClassVar[int]
    THERMAL_ZONES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    hostname: str
    machine: str
    fingerprint: str
    processors: _containers.RepeatedCompositeFieldContainer[Processor]
    operating_points: _containers.RepeatedCompositeFieldContainer[OperatingPoint]
    sensors: _containers.RepeatedCompositeFieldContainer[Sensor]
    versions: _containers.ScalarMap[str, str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    lease_holder: str
    release: str
    gpu: Gpu
    thermal_zones: _containers.RepeatedCompositeFieldContainer[ThermalZone]
    settings: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., hostname: _Optional[str] = ..., machine: _Optional[str] = ..., fingerprint: _Optional[str] = ..., processors: _Optional[_Iterable[_Union[Processor, _Mapping]]] = ..., operating_points: _Optional[_Iterable[_Union[OperatingPoint, _Mapping]]] = ..., sensors: _Optional[_Iterable[_Union[Sensor, _Mapping]]] = ..., versions: _Optional[_Mapping[str, str]] = ..., notes: _Optional[_Iterable[str]] = ..., lease_holder: _Optional[str] = ..., release: _Optional[str] = ..., gpu: _Optional[_Union[Gpu, _Mapping]] = ..., thermal_zones: _Optional[_Iterable[_Union[ThermalZone, _Mapping]]] = ..., settings: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Processor(_message.Message):
    __slots__ = ("name", "kind", "cpus", "cores", "target_json", "online", "isolated", "usable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    TARGET_JSON_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    ISOLATED_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    cpus: _containers.RepeatedScalarFieldContainer[int]
    cores: int
    target_json: str
    online: _containers.RepeatedScalarFieldContainer[int]
    isolated: _containers.RepeatedScalarFieldContainer[int]
    usable: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., cpus: _Optional[_Iterable[int]] = ..., cores: _Optional[int] = ..., target_json: _Optional[str] = ..., online: _Optional[_Iterable[int]] = ..., isolated: _Optional[_Iterable[int]] = ..., usable: _Optional[_Iterable[int]] = ...) -> None: ...

class Gpu(_message.Message):
    __slots__ = ("name", "arch", "usable", "reason", "path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    arch: str
    usable: bool
    reason: str
    path: str
    def __init__(self, name: _Optional[str] = ..., arch: _Optional[str] = ..., usable: bool = ..., reason: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class ThermalZone(_message.Message):
    __slots__ = ("name", "path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: str
    def __init__(self, name: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class OperatingPoint(_message.Message):
    __slots__ = ("name", "levels", "cpus")
    class LevelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class CpusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: CpuSet
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[CpuSet, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    name: str
    levels: _containers.ScalarMap[str, str]
    cpus: _containers.MessageMap[str, CpuSet]
    def __init__(self, name: _Optional[str] = ..., levels: _Optional[_Mapping[str, str]] = ..., cpus: _Optional[_Mapping[str, CpuSet]] = ...) -> None: ...

class CpuSet(_message.Message):
    __slots__ = ("cpus",)
    CPUS_FIELD_NUMBER: _ClassVar[int]
    cpus: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cpus: _Optional[_Iterable[int]] = ...) -> None: ...

class SetOperatingPointRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Sensor(_message.Message):
    __slots__ = ("name", "role", "path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: str
    path: str
    def __init__(self, name: _Optional[str] = ..., role: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class AcquireLeaseRequest(_message.Message):
    __slots__ = ("holder",)
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    holder: str
    def __init__(self, holder: _Optional[str] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("token", "ttl_s")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    token: str
    ttl_s: float
    def __init__(self, token: _Optional[str] = ..., ttl_s: _Optional[float] = ...) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseLeaseRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseLeaseReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TunnelFrame(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class DeployChunk(_message.Message):
    __slots__ = ("file", "data")
    FILE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    file: FileHeader
    data: bytes
    def __init__(self, file: _Optional[_Union[FileHeader, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class FileHeader(_message.Message):
    __slots__ = ("path", "size_bytes", "sha256")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    path: str
    size_bytes: int
    sha256: str
    def __init__(self, path: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class DeployReply(_message.Message):
    __slots__ = ("files", "size_bytes")
    FILES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    files: int
    size_bytes: int
    def __init__(self, files: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class StartPipelineRequest(_message.Message):
    __slots__ = ("frames", "queue_depth", "drop_on_overload")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    DROP_ON_OVERLOAD_FIELD_NUMBER: _ClassVar[int]
    frames: int
    queue_depth: int
    drop_on_overload: bool
    def __init__(self, frames: _Optional[int] = ..., queue_depth: _Optional[int] = ..., drop_on_overload: bool = ...) -> None: ...

class StartPipelineReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SwapPipelineRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SwapPipelineReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopPipelineRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopPipelineReply(_message.Message):
    __slots__ = ("report_json",)
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    report_json: str
    def __init__(self, report_json: _Optional[str] = ...) -> None: ...

class StreamMetricsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Metrics(_message.Message):
    __slots__ = ("frames", "report_json", "metrics_json")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    METRICS_JSON_FIELD_NUMBER: _ClassVar[int]
    frames: int
    report_json: str
    metrics_json: str
    def __init__(self, frames: _Optional[int] = ..., report_json: _Optional[str] = ..., metrics_json: _Optional[str] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("number", "arrays")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ARRAYS_FIELD_NUMBER: _ClassVar[int]
    number: int
    arrays: _containers.RepeatedCompositeFieldContainer[Array]
    def __init__(self, number: _Optional[int] = ..., arrays: _Optional[_Iterable[_Union[Array, _Mapping]]] = ...) -> None: ...

class Array(_message.Message):
    __slots__ = ("name", "dtype", "shape", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...
