import json
from collections.abc import Callable
from pathlib import Path

import pytest

from device import agent
from device.cuda.build import build
from device.cuda.locations import STAND_IN, find_runtimes
from device.errors import CudaError
from tests.device.cuda.stub import StubCuda


@pytest.fixture
def run_agent(
    stub: StubCuda, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """Runs `device-agent` in this process; gives what it printed."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub.folder))

    def run(*arguments: object) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["device-agent", *map(str, arguments)])
        agent.main()
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def test_command_builds_and_says_where(
    run_agent: Callable[..., tuple[str, str]], stub: StubCuda, tmp_path: Path
) -> None:
    output, _ = run_agent("build-cuda-shim", "--cudart", stub.cudart, "--output", tmp_path / "new")
    assert (tmp_path / "new" / STAND_IN).is_file()
    assert "CUDA 10.2" in output
    assert "1 GPU found" in output
    assert f"STAGELINE_CUDA={tmp_path / 'new'}" in output


def test_command_answers_with_one_document(
    run_agent: Callable[..., tuple[str, str]], stub: StubCuda, tmp_path: Path
) -> None:
    output, _ = run_agent("build-cuda-shim", "--json", "--cudart", stub.cudart, "--output", tmp_path)
    document = json.loads(output)
    assert document["path"] == str(tmp_path / STAND_IN)
    assert document["cudart"] == str(stub.cudart)
    assert (document["cuda_version"], document["devices"], document["note"]) == ("10.2", 1, "")


def test_a_failure_is_one_sentence(
    run_agent: Callable[..., tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_agent("build-cuda-shim", "--cudart", tmp_path / "libcudart.so.10.2", "--output", tmp_path)
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_compiler_is_named(stub: StubCuda, tmp_path: Path) -> None:
    with pytest.raises(CudaError, match="no C compiler found: looked for no-such-cc"):
        build(tmp_path, cudart=stub.cudart, compiler="no-such-cc")


def test_missing_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(CudaError, match=r"there is no CUDA runtime .*libcudart\.so\.10\.2"):
        build(tmp_path, cudart=tmp_path / "libcudart.so.10.2")


def test_board_without_cuda_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.cuda.build.find_runtimes", lambda: [])
    monkeypatch.setattr("device.cuda.build._is_loadable", lambda _: False)
    with pytest.raises(CudaError, match="no CUDA runtime found") as failure:
        build(tmp_path)
    assert "cuda-toolkit-10-2" in failure.value.hint


def test_board_with_cuda_13_needs_none(
    stub: StubCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub.folder))
    with pytest.raises(CudaError, match="no stand-in is needed"):
        build(tmp_path)


def test_cuda_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "libcudart.so.9.0"
    old.touch()
    with pytest.raises(CudaError, match=r"of CUDA 9; the stand-in needs 10\.1"):
        build(tmp_path, cudart=old)


def test_file_that_is_no_library_leaves_the_old_stand_in(
    stub: StubCuda, compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub.folder))
    good = build(tmp_path, cudart=stub.cudart, compiler=compiler).path.read_bytes()
    damaged = tmp_path / "libcudart.so.10.2"
    damaged.write_text("not a library")
    with pytest.raises(CudaError, match=r"libcudart\.so\.10\.2 cannot be loaded"):
        build(tmp_path, cudart=damaged, compiler=compiler)
    assert (tmp_path / STAND_IN).read_bytes() == good
    assert {path.name for path in tmp_path.iterdir()} == {STAND_IN, damaged.name}


def test_default_toolkit_comes_first_then_the_newest(tmp_path: Path) -> None:
    for name in (
        "cuda-10.2/targets/aarch64-linux/lib/libcudart.so.10.2",
        "cuda-11.4/lib64/libcudart.so.11.0",
    ):
        file = tmp_path / "usr/local" / name
        file.parent.mkdir(parents=True)
        file.touch()
        file.with_name(f"{file.name}.89").touch()
    (tmp_path / "usr/local/cuda-10.2/lib64").symlink_to("targets/aarch64-linux/lib")
    assert [file.name for file in find_runtimes(tmp_path)] == ["libcudart.so.11.0", "libcudart.so.10.2"]
    (tmp_path / "usr/local/cuda").symlink_to("cuda-10.2")
    assert [file.name for file in find_runtimes(tmp_path)] == ["libcudart.so.10.2", "libcudart.so.11.0"]
