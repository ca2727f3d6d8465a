"""`device-agent describe` fits any terminal, and its document says the same to programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device import agent
from device.clocks import OperatingPoint
from device.describe import board_page
from device.inventory import Board, Gpu, Processor, Readings
from device.inventory.thermal import ThermalZone
from device.sensors import Rail
from tests.device.trees import boards

BUILDERS: list[boards.Build] = [
    boards.tx2,
    boards.tx2_nx,
    boards.tx1,
    boards.nano,
    boards.xavier_nx,
    boards.agx_xavier,
    boards.agx_orin,
    boards.orin_nano,
    boards.raspberry_pi,
    boards.rk3399,
    boards.rk3588,
    boards.x86,
    boards.laptop,
]

TX2 = Board(
    name="tx2",
    model="Jetson TX2",
    release="L4T 32.7.1",
    hostname="tx2",
    machine="aarch64",
    processors=(
        Processor(
            name="a57",
            kind="cpu",
            cpus=(0, 3, 4, 5),
            online=(0, 3, 4, 5),
            usable=(3, 4, 5),
            target={"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"},
        ),
        Processor(
            name="denver2",
            kind="cpu",
            cpus=(1, 2),
            isolated=(1, 2),
            target={"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"},
        ),
    ),
    operating_points=(OperatingPoint(name="maxn", levels={"a57": "2035200"}),),
    versions={"tvm": "0.27"},
    rails=(Rail(name="VDD_IN", role="total", path="in"), Rail(name="VDD_SYS_GPU", role="gpu", path="gpu")),
    zones=(ThermalZone(name="BCPU-therm", path="zone0"), ThermalZone(name="AO-therm", path="zone1")),
    gpu=Gpu(name="GP10B", arch="sm_62", path="sys/devices/17000000.gp10b", usable=True),
    notes=("denver2: CPUs 1-2 offline; stages cannot use it",),
)
NOW = Readings(power_mw={"in": 5324.4}, celsius={"zone0": 38.5})


def describe(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "device.agent", "describe", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_document_is_what_programs_rely_on() -> None:
    document = TX2.to_document(NOW)
    assert document["schema"] == "stageline.board/1"
    assert document["processors"][0] == {
        "name": "a57",
        "kind": "cpu",
        "cpus": [0, 3, 4, 5],
        "online": [0, 3, 4, 5],
        "isolated": [],
        "usable": [3, 4, 5],
        "cores": 3,
        "mcpu": "cortex-a57",
        "arch": "aarch64",
        "target": {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"},
    }
    assert [(p["name"], p["cores"], p["arch"]) for p in document["processors"][1:]] == [
        ("denver2", 0, "aarch64"),
        ("gpu", 1, "sm_62"),
    ]
    assert document["operating_points"] == [{"name": "maxn", "levels": {"a57": "2035200"}, "cpus": {}}]
    assert document["sensors"] == [
        {"rail": "VDD_IN", "role": "total", "unit_mw": 5324.4, "path": "in"},
        {"rail": "VDD_SYS_GPU", "role": "gpu", "unit_mw": None, "path": "gpu"},
    ]
    assert document["thermal_zones"] == [
        {"name": "BCPU-therm", "celsius": 38.5, "path": "zone0"},
        {"name": "AO-therm", "celsius": None, "path": "zone1"},
    ]
    assert document["gpu"] == {
        "name": "GP10B",
        "arch": "sm_62",
        "usable": True,
        "reason": None,
        "path": "sys/devices/17000000.gp10b",
    }
    assert json.loads(json.dumps(document)) == document


def test_the_page_says_it_in_words() -> None:
    assert board_page(TX2, NOW) == (
        "tx2: Jetson TX2, L4T 32.7.1, aarch64\n"
        "  processor  CPUs    online  isolated  cores  code for\n"
        "  a57        0, 3-5  0, 3-5  -         3      cortex-a57\n"
        "  denver2    1-2     -       1-2       0      cortex-a57\n"
        "  gpu        -       -       -         1      sm_62\n"
        "\n"
        "  rail         feeds  mW now\n"
        "  VDD_IN       total  5324\n"
        "  VDD_SYS_GPU  gpu    -\n"
        "\n"
        "  clocks    maxn\n"
        "  degrees C BCPU-therm 38.5\n"
        "  versions  tvm 0.27\n"
        "  note      denver2: CPUs 1-2 offline; stages cannot use it\n"
    )


@pytest.mark.parametrize("build", BUILDERS)
def test_every_board_fits_eighty_columns(
    tmp_path: Path, build: boards.Build, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["device-agent", "describe", "--root", str(tmp_path)])
        agent.main()
    page = capsys.readouterr().out
    assert page.splitlines()[0].startswith(f"{(tmp_path / 'proc/sys/kernel/hostname').read_text().strip()}: ")
    assert max(map(len, page.splitlines())) < 80


def test_another_root_is_described_with_the_same_keys_as_this_machine(tmp_path: Path) -> None:
    root = boards.x86(tmp_path)
    there, here = (json.loads(describe("--json", *more).stdout) for more in (("--root", root), ()))
    assert there.keys() == here.keys()
    assert there["name"] == "pc"
    assert there["processors"][0].keys() == here["processors"][0].keys()
    usable = [cpu for processor in here["processors"] for cpu in processor["usable"]]
    assert sorted(usable) == sorted(os.sched_getaffinity(0))


def test_nothing_of_this_machine_is_in_another_boards_document(tmp_path: Path) -> None:
    document = json.loads(describe("--json", "--root", boards.tx2(tmp_path, mode=4)).stdout)
    assert (document["name"], document["hostname"], document["machine"]) == ("tx2", "tx2", "aarch64")
    assert document["versions"] == {}
    assert [p["online"] for p in document["processors"]] == [[0], [1]]
    assert str(tmp_path) not in json.dumps(document)


@pytest.mark.parametrize("arguments", [("--root", "nowhere"), ("--root", ".", "--board", "board.toml")])
def test_a_root_that_cannot_be_is_one_sentence_and_exit_code_3(arguments: tuple[str, ...]) -> None:
    answer = describe(*arguments)
    assert answer.returncode == 3
    assert answer.stderr.startswith("device-agent: --root")
    assert answer.stderr.count("\n") == 1
