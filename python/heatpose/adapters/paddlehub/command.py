"""``python -m heatpose.adapters.paddlehub NAME --input_path FILE``, in place of ``hub run``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from heatpose.adapters.paddlehub._arguments import parse_arguments, run
from heatpose.adapters.paddlehub.modules import BodyPoseModel, HandPoseModel, Module

_RUNNABLE: dict[str, type[BodyPoseModel | HandPoseModel]] = {
    kind.name: kind for kind in (BodyPoseModel, HandPoseModel)
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a module on a photo, and print what it finds as JSON.

    Args:
        arguments: Of the command line; None: this process's.

    Returns:
        The exit code: 0, or 1 where there is no answer. Wrong arguments end the process with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m heatpose.adapters.paddlehub",
        description="Run a module on a photo and print its numbers as JSON.",
        epilog="Each module has more options: NAME --help.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", choices=_RUNNABLE, help=" or ".join(_RUNNABLE))
    parser.add_argument("--load_checkpoint", metavar="FILE", help="the weights of the module")
    parser.add_argument("--body_model", metavar="FILE", help="for hands: those of the body module")
    parser.add_argument("--device", default="auto", help="default: %(default)s")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        parser.print_help()
        return 0 if given else 2
    head, rest = parser.parse_known_args(given)
    kind = _RUNNABLE[head.name]
    settings: dict[str, Any] = {"device": head.device}
    if kind is HandPoseModel:
        settings["body_model"] = head.body_model
    asked = parse_arguments(head.name, rest, scales=kind is HandPoseModel)
    try:
        found = run(Module(head.name, head.load_checkpoint, **settings), asked)
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    numbers = {key: _plain(value) for key, value in found.items() if key != "data"}
    print(json.dumps(numbers))
    return 0


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list) else value.tolist()
