"""Bytes of images to what networks take."""

from __future__ import annotations

from torch import Tensor, nn

from heatpose.networks import CropSpec, InputSpec


def network_input(images: Tensor, spec: InputSpec | CropSpec) -> Tensor:
    """Images as a network wants them.

    Args:
        images: uint8 [N, H, W, 3] BGR.
        spec: The network's.

    Returns:
        float32 [N, 3, H, W] on the same device, in channels-last order.
    """
    planes = images.permute(0, 3, 1, 2).float()
    if spec.colour == "rgb":
        planes = planes.flip(1)
    if isinstance(spec, InputSpec):
        return planes.mul_(spec.norm_scale).add_(spec.norm_offset)
    mean, std = (planes.new_tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    return planes.div_(255).sub_(mean).div_(std)


def stages_of(network: nn.Module, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(heatmaps, pafs) of every stage of a two-branch network; of one without stages, its answer.

    Args:
        network: With a method ``stages``, or any that answers with both.
        images: As :func:`network_input` makes them.
    """
    stages = getattr(network, "stages", None)
    if callable(stages) and not isinstance(stages, nn.Module):
        answers: list[tuple[Tensor, Tensor]] = stages(images)
        return answers
    return [network(images)]
