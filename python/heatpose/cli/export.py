"""``heatpose export``: a network as ONNX, torch.export, TorchScript or plain weights."""

from __future__ import annotations

from pathlib import Path

import click

from heatpose.cli.common import describe, wait_passively


@click.command("export")
@click.argument("model")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--size",
    metavar="HxW",
    help="Height and width of the example, as 256x320. [default: the crop's, or 256x320]",
)
@click.option("--half", is_flag=True, help="Write .safetensors as float16.")
def export_command(model: str, out: Path, size: str | None, half: bool) -> None:
    """Write MODEL to OUT, and check that the file answers as the network does.

    MODEL is a weight file, a checkpoint of heatpose train, or a name of heatpose models list. OUT
    ends with .onnx, .pt2 (torch.export), .pt (TorchScript) or .safetensors.

    Exit code: 0 when OUT was written, 1 when not, 2 for a wrong command line.
    """
    wait_passively()
    if half and out.suffix != ".safetensors":
        raise click.UsageError("--half is for .safetensors")
    chosen = None if size is None else _size(size)
    try:
        from heatpose.training.exporting import export, load_network

        made = export(load_network(model), out, size=chosen, half=half)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise click.ClickException(describe(error)) from error
    shapes = "images of any number and size" if made.dynamic else f"one image of {made.size}"
    click.echo(
        f"wrote {made.path} ({made.path.stat().st_size / 1e6:.1f} MB, {shapes}; "
        f"answers differ by at most {made.error:.1g})"
    )


def _size(text: str) -> tuple[int, int]:
    height, cross, width = text.partition("x")
    if not cross or not height.isdigit() or not width.isdigit() or not int(height) * int(width):
        raise click.BadParameter(f"{text!r} is not a size like 256x320", param_hint="--size")
    return int(height), int(width)
