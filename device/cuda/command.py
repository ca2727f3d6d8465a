"""`device-agent build-cuda-shim`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from device.cuda.build import StandIn, build
from device.cuda.locations import stand_in_folder

NAME = "build-cuda-shim"


def add_parser(commands: Any) -> None:
    """Adds the command to `argparse`'s subparsers."""
    parser = commands.add_parser(NAME, help="let TVM use the CUDA of an older board, and exit")
    parser.add_argument(
        "--cudart", type=Path, metavar="PATH", help="the board's CUDA runtime; default /usr/local/cuda's"
    )
    parser.add_argument("--cc", metavar="CC", help="the C compiler; default $CC, cc, gcc or clang")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="default %(default)s", default=stand_in_folder()
    )
    parser.add_argument("--json", action="store_true", help="as a JSON document")


def run(options: argparse.Namespace) -> None:
    """Builds the stand-in and says what came of it."""
    built = build(options.output, cudart=options.cudart, compiler=options.cc)
    text = json.dumps(built.to_document(), indent=2) if options.json else _sentences(built)
    sys.stdout.write(text + "\n")


def _sentences(built: StandIn) -> str:
    lines = [
        f"{built.path}: forwards to {built.cudart} (CUDA {built.cuda_version}), compiled by {built.compiler}"
    ]
    gpus = f"{built.devices} GPU{'' if built.devices == 1 else 's'} found"
    lines.append(f"  {gpus}: {built.note}" if built.note else f"  {gpus}")
    if built.path.parent != stand_in_folder():
        lines.append(f"  the agent looks in {stand_in_folder()}: set STAGELINE_CUDA={built.path.parent}")
    return "\n".join(lines)
