import pytest

from host.remote import connect
from tests.device.cuda.stub import StubCuda


def test_a_lease_on_a_board_with_a_stand_in_reaches_its_gpu(
    stub: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    with connect(None) as client, client.lease("tester") as lease, lease.tvm_session() as session:
        assert session.call("runtime.GetCudaDeviceCount", deadline_s=30.0) == 1
    assert ["cudaGetDeviceCount"] in stub.take_calls()
