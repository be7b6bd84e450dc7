"""The options of ``run_cmd``, and what it does with them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def parse_arguments(name: str, argvs: Sequence[str], *, scales: bool) -> argparse.Namespace:
    """The options of a module's ``run_cmd``."""
    parser = argparse.ArgumentParser(prog=f"python -m heatpose.adapters.paddlehub {name}")
    folder = "openpose_hand" if scales else "openpose_body"
    parser.add_argument("--input_path", required=True, metavar="FILE", help="the photo")
    parser.add_argument(
        "--output_dir", default=folder, metavar="FOLDER", help="for the drawing; %(default)s"
    )
    parser.add_argument(
        "--save_dir", metavar="FOLDER", help="write the network there; default: it is not written"
    )
    parser.add_argument(
        "--visualization", type=_flag, default=True, metavar="true|false", help="save the drawing"
    )
    if scales:
        parser.add_argument(
            "--scale", type=_scales, default=[0.5, 1.0, 1.5, 2.0], metavar="S,S,...",
            help="of the search, each times 368 pixels; 0.5,1,1.5,2",
        )  # fmt: skip
    return parser.parse_args(list(argvs))


def run(module: Any, asked: argparse.Namespace) -> dict[str, Any]:
    """What ``run_cmd`` does with its options."""
    more = {"scale": asked.scale} if "scale" in asked else {}
    found: dict[str, Any] = module.predict(
        asked.input_path, save_path=asked.output_dir, visualization=asked.visualization, **more
    )
    if asked.save_dir is not None:
        module.save_inference_model(asked.save_dir)
    return found


def _flag(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise argparse.ArgumentTypeError(f"{text!r} must be true or false")
    return text.lower() in _YES


def _scales(text: str) -> list[float]:
    try:
        numbers = [float(one) for one in text.strip(" [](),").replace(",", " ").split()]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(one) and one > 0 for one in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} must be numbers above 0, as 0.5,1.0")
    return numbers
