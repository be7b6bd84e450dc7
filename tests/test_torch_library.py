"""The ops as nodes of torch's graphs: schemas, fakes, torch.compile, torch.export, make_fx."""

from __future__ import annotations

import inspect
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", minversion="2.4")

from torch._subclasses import FakeTensorMode  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

import heatpose as hp  # noqa: E402
from heatpose import ops  # noqa: E402
from heatpose.ops import torch_library  # noqa: E402
from heatpose.ops._traceable import TRACEABLE  # noqa: E402

LIMBS, CHANNELS, CANVAS = ((0, 1), (1, 2)), [[0, 1], [2, 3]], (128, 96)
OPTIONS = ops.AssociateOptions(min_parts=2, min_score=0.0)


def maps(*shape: int, seed: int = 0) -> Any:
    return torch.rand(shape, generator=torch.manual_seed(seed))


def photo() -> Any:
    return (maps(41, 53, 3) * 255).to(torch.uint8)


def matrices() -> Any:
    return torch.tensor([[[1.0, 0.2, 2.0], [0.0, 1.5, 3.0]]]).repeat(3, 1, 1)


def peaks() -> Any:
    return ops.peaks_from_cells(maps(2, 3, 16, 12), CANVAS, max_peaks=4, threshold=0.4)


def grid(*lead: int) -> tuple[Any, Any]:
    """Places and counts of four peaks each."""
    return (maps(*lead, 4, 2) * 8).int(), torch.full(lead, 4, dtype=torch.int32)


# Per op, calls of the public function: positional arguments and settings.
CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "resize_average": [
        ((maps(3, 8, 6), (20, 30)), {}),
        (
            ([maps(2, 3, 8, 6), maps(2, 3, 5, 9).half()], (20, 30)),
            {"content": [None, (33, 70)], "weights": (1, 2.5), "interpolation": ("cubic", "area")},
        ),
    ],
    "gaussian_smooth": [
        ((maps(9, 8),), {"sigma": 1.5}),
        ((maps(2, 3, 9, 8), None), {"taps": [0.25, 0.5, 0.25], "border": "wrap"}),
        ((maps(3, 9, 8).bfloat16(),), {"kernel_size": 5}),
    ],
    "find_peaks": [
        ((maps(3, 9, 8),), {}),
        ((maps(2, 3, 9, 8),), {"score_maps": maps(2, 3, 9, 8, seed=1), "max_peaks": 5}),
        ((maps(3, 9, 8),), {"window": 5, "inclusive": True, "keep": "first"}),
    ],
    "peaks_from_cells": [
        ((maps(3, 16, 12), CANVAS), {}),
        (([maps(2, 3, 16, 12)], CANVAS), {"content": (120, 90), "refine": "taylor"}),
    ],
    "associate": [
        ((peaks(), maps(2, 4, 16, 12), LIMBS, CHANNELS, CANVAS), {}),
        (
            (peaks(), maps(2, 4, 16, 12), np.array(LIMBS), np.array(CHANNELS), CANVAS),
            {
                "options": ops.AssociateOptions.for_global(min_parts=2),
                "starts": [True, False],
                "max_people": 7,
            },
        ),
        ((peaks(), maps(2, 4, 16, 12), (), (), CANVAS), {}),
    ],
    "grid_people": [
        ((maps(3, 9, 8), maps(4, 9, 8), LIMBS, CHANNELS), {}),
        (
            (maps(2, 3, 9, 8), maps(2, 4, 9, 8).half(), np.array(LIMBS), CHANNELS),
            {"max_peaks": 5, "max_people": 7},
        ),
    ],
    "refine_peaks": [((*grid(3), maps(3, 9, 8)), {}), ((*grid(2, 3), maps(2, 3, 9, 8)), {})],
    "score_pairs": [
        ((maps(3, 4, 2), grid(3)[1], maps(4, 9, 8), LIMBS, CHANNELS), {}),
        ((maps(2, 3, 4, 2), grid(2, 3)[1], maps(2, 4, 9, 8), (), ()), {"samples": 3}),
    ],
    "assign_pairs": [
        ((maps(2, 4, 4), grid(3)[1], LIMBS), {}),
        ((maps(2, 2, 4, 4), grid(2, 3)[1], np.array(LIMBS)), {"threshold": 0.5}),
    ],
    "connect_peaks": [
        ((ops.assign_pairs(maps(2, 4, 4), grid(3)[1], LIMBS), grid(3)[1], LIMBS), {}),
        ((torch.zeros(2, 2, 2, 4, dtype=torch.int32), grid(2, 3)[1], LIMBS), {"max_people": 5}),
    ],
    "average_flipped": [
        ((maps(3, 9, 8), maps(3, 9, 8, seed=1), (0, 2, 1)), {}),
        ((maps(2, 2, 9, 8).bfloat16(), maps(2, 2, 9, 8).bfloat16(), [1, 0]), {"shift": True}),
        ((maps(0, 2, 9, 8).half(), maps(0, 2, 9, 8).half(), np.array([0, 1])), {}),
    ],
    "decode_heatmaps": [
        ((maps(3, 9, 8),), {}),
        (
            (maps(2, 3, 9, 8).bfloat16(),),
            {"method": "dark_udp", "kernel": 5, "transform": torch.eye(3)[:2].double()},
        ),
        ((maps(0, 3, 9, 8),), {"invalid": "minus_one"}),
        (
            (maps(3, 9, 8),),
            {"taps": [1.0, 2.0, 1.0], "border": "mirror", "rescale": False, "places": maps(3, 2)},
        ),
    ],
    "decode_hand_maps": [((maps(3, 9, 8), (50, 40)), {}), (([maps(2, 3, 9, 8)], (50, 40)), {})],
    "warp_crops": [
        ((photo(), matrices(), (20, 10)), {}),
        (
            (photo()[..., 0], matrices()[:0], (20, 10)),
            {"mean": ops.IMAGENET_MEAN, "std": np.array(ops.IMAGENET_STD), "dtype": "float16"},
        ),
    ],
    "prepare_image": [
        ((photo(),), {"scale": 0.77}),
        ((photo(),), {"size": (33, 44), "stride": 32, "dtype": torch.float16, "swap_rgb": True}),
    ],
}
CASES = [
    pytest.param(name, *call, id=f"{name}-{i}")
    for name, calls in CALLS.items()
    for i, call in enumerate(calls)
]


def encoded(name: str, args: tuple[Any, ...], settings: dict[str, Any]) -> dict[str, Any]:
    return torch_library.encode(name, torch_library.bind(name, args, settings))


def leaves(value: Any) -> list[Any]:
    return [leaf for one in value for leaf in leaves(one)] if isinstance(value, tuple) else [value]


def assert_same(got: Any, want: Any) -> None:
    """The same types and the same bits, NaN included."""
    assert type(got) is type(want)
    for one, other in zip(leaves(got), leaves(want), strict=True):
        assert type(one) is type(other)
        if isinstance(other, torch.Tensor):
            assert one.dtype == other.dtype and not one.requires_grad
            if other.dtype == torch.bfloat16:  # which NumPy has not
                one, other = one.float(), other.float()
            one, other = one.numpy(), other.numpy()
        np.testing.assert_array_equal(one, other)


@pytest.fixture(autouse=True)
def _fresh_dynamo() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def compiled(function: Callable[..., Any], *, dynamic: bool = False, backend: str = "eager") -> Any:
    return torch.compile(function, fullgraph=True, dynamic=dynamic, backend=backend)


class TopDown(torch.nn.Module):
    """A network of one layer, and its decoder."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, crops: Any) -> Any:
        return ops.decode_heatmaps(self.layer(crops), method="dark_udp", kernel=5)


class BottomUp(torch.nn.Module):
    """A network with heatmaps and fields, and its decoder."""

    def __init__(self, options: ops.AssociateOptions | None = OPTIONS) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 3 + 4, 3, padding=1)
        self.options = options

    def forward(self, image: Any) -> Any:
        maps, fields = self.layer(image).split([3, 4], dim=1)
        canvas = maps.shape[-2] * 8, maps.shape[-1] * 8
        peaks = ops.peaks_from_cells(maps, canvas, threshold=0.0, max_peaks=16)
        return peaks, ops.associate(peaks, fields, LIMBS, CHANNELS, canvas, options=self.options)


def test_every_op_of_the_package_is_registered() -> None:
    names = {n for n in ops.__all__ if inspect.isfunction(getattr(ops, n))}
    assert set(TRACEABLE) == set(CALLS) == names - {"crop_transform", "crop_matrices"}


def test_an_op_keeps_its_name_signature_and_docstring() -> None:
    for name, written in TRACEABLE.items():
        public = getattr(ops, name)
        assert (public.__name__, public.__doc__) == (name, written.__doc__)
        assert inspect.signature(public) == inspect.signature(written)


@pytest.mark.parametrize("first", ["torch", "heatpose.ops"])
def test_a_program_need_not_register_anything(first: str) -> None:
    program = f"""
import {first}
import torch
from heatpose import ops
assert "heatpose.ops.torch_library" not in __import__("sys").modules
f = torch.compile(lambda x: ops.decode_heatmaps(x).scores, fullgraph=True, backend="eager")
print(f(torch.ones(1, 2, 8, 8)).tolist())
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[[1.0, 1.0]]", run.stderr


@pytest.mark.parametrize(("name", "args", "settings"), CASES)
def test_opcheck(name: str, args: tuple[Any, ...], settings: dict[str, Any]) -> None:
    op = getattr(torch.ops.heatpose, name).default
    torch.library.opcheck(op, (), encoded(name, args, settings))


@pytest.mark.parametrize(("name", "args", "settings"), CASES)
def test_the_registered_op_answers_as_the_public_one(
    name: str, args: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    assert_same(torch_library.call(name, args, settings), getattr(ops, name)(*args, **settings))


@pytest.mark.parametrize(("name", "args", "settings"), CASES)
def test_the_fake_has_the_shapes_and_types(
    name: str, args: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    given = encoded(name, args, settings)
    want = getattr(torch.ops.heatpose, name)(**given)
    with FakeTensorMode() as mode:
        fakes = torch.utils._pytree.tree_map_only(torch.Tensor, mode.from_tensor, given)
        got = getattr(torch.ops.heatpose, name)(**fakes)
    for fake, real in zip(leaves(got), leaves(want), strict=True):
        assert (fake.shape, fake.dtype, fake.device) == (real.shape, real.dtype, real.device)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_compiles_to_one_node(name: str, dynamic: bool) -> None:
    args, settings = CALLS[name][0]
    op = getattr(ops, name)
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph

    got = torch.compile(op, fullgraph=True, dynamic=dynamic, backend=backend)(*args, **settings)
    assert_same(got, op(*args, **settings))
    (graph,) = graphs
    nodes = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    assert nodes.count(getattr(torch.ops.heatpose, name).default) == 1


@pytest.mark.parametrize("network", [TopDown, BottomUp])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("grad", [False, True])
def test_network_and_decoder_compile(network: Any, backend: str, grad: bool) -> None:
    module = network()
    with torch.set_grad_enabled(grad):
        run = compiled(module, dynamic=True, backend=backend)
        for shape in ((2, 3, 16, 12), (3, 3, 20, 14), (1, 3, 9, 9)):
            assert_same(run(maps(*shape)), module(maps(*shape)))


def test_one_dynamic_graph_serves_all_sizes() -> None:
    counter = torch._dynamo.testing.CompileCounter()
    run = torch.compile(TopDown().eval(), fullgraph=True, dynamic=True, backend=counter)
    with torch.no_grad():
        for shape in ((2, 3, 16, 12), (3, 3, 20, 14), (5, 3, 32, 24)):
            assert run(maps(*shape)).coords.shape == (shape[0], 5, 2)
    assert counter.frame_count == 1


@pytest.mark.skipif(shutil.which("c++") is None, reason="Inductor needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, of its TorchScript
def test_network_and_decoder_compile_with_inductor() -> None:
    module = TopDown()
    with torch.no_grad():
        got = compiled(module, backend="inductor")(maps(2, 3, 16, 12))
        want = module(maps(2, 3, 16, 12))
    np.testing.assert_allclose(got.coords, want.coords, atol=1e-3)
    np.testing.assert_allclose(got.scores, want.scores, atol=1e-5)


def test_options_may_be_made_inside() -> None:
    def decode(cells: Any, fields: Any) -> Any:
        peaks = ops.peaks_from_cells(cells, CANVAS, max_peaks=8)
        options = ops.AssociateOptions.for_global(min_parts=2)
        return ops.associate(peaks, fields, LIMBS, CHANNELS, CANVAS, options=options)

    cells, fields = maps(3, 16, 12), maps(4, 16, 12, seed=1)
    assert_same(compiled(decode)(cells, fields), decode(cells, fields))


def test_numpy_stays_numpy_in_a_compiled_function() -> None:
    place = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]])

    def decode(cells: Any) -> Any:
        return ops.decode_heatmaps(cells, transform=place)

    for cells in (maps(3, 9, 8), maps(3, 9, 8).numpy()):
        assert_same(compiled(decode)(cells), decode(cells))


@pytest.mark.parametrize("strict", [False, True])
def test_exports(strict: bool) -> None:
    module, crops = TopDown().eval(), maps(2, 3, 16, 12)
    dims = {0: torch.export.Dim("crops"), 2: torch.export.Dim("rows"), 3: torch.export.Dim("cols")}
    program = torch.export.export(module, (crops,), dynamic_shapes=(dims,), strict=strict)
    targets = [node.target for node in program.graph.nodes]
    assert torch.ops.heatpose.decode_heatmaps.default in targets
    for shape in ((2, 3, 16, 12), (4, 3, 20, 10)):
        assert_same(program.module()(maps(*shape)), module(maps(*shape)))


@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # of PyTorch 2.11's load
def test_an_exported_module_can_be_saved_and_loaded() -> None:
    class Scores(TopDown):
        def forward(self, crops: Any) -> Any:
            return super().forward(crops).scores

    module, crops, file = Scores().eval(), maps(2, 3, 16, 12), io.BytesIO()
    torch.export.save(torch.export.export(module, (crops,)), file)
    file.seek(0)
    assert_same(torch.export.load(file).module()(crops), module(crops))


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx_sees_one_node(mode: str) -> None:
    def find(cells: Any) -> Any:
        return tuple(ops.find_peaks(cells, max_peaks=4))

    graph = make_fx(find, tracing_mode=mode)(maps(3, 9, 8))
    assert graph.code.count("torch.ops.heatpose.find_peaks") == 1
    assert_same(tuple(graph(maps(3, 9, 8))), find(maps(3, 9, 8)))


def test_arrays_go_past_a_dispatch_mode() -> None:
    with FakeTensorMode():
        assert ops.find_peaks(np.ones((1, 4, 4), np.float32)).counts == [1]
        fake, content = ops.prepare_image(torch.empty(30, 40, 3, dtype=torch.uint8), scale=2.0)
    assert (fake.shape, content) == ((1, 3, 64, 80), (60, 80))


def test_decoders_queue_fake_tensors() -> None:
    """No array is handed to an op to write to, which it could not take."""
    with FakeTensorMode():
        cells = [torch.empty(n, 8, 12, device="cuda") for n in (18, 38)]
        arrays = hp.BodyDecoder(hp.skeletons.COCO18).queue(*cells, CANVAS).arrays
        crops = hp.KeypointDecoder(hp.skeletons.COCO17).queue(torch.empty(2, 17, 8, 8)).arrays
    assert arrays[4].shape == (128, 18) and arrays[4].device.type == "cuda"
    assert crops[0].shape == (2, 17, 2)


def test_no_op_has_a_gradient() -> None:
    cells = maps(3, 9, 8).requires_grad_()
    assert not ops.decode_heatmaps(cells).scores.requires_grad
    assert not compiled(ops.decode_heatmaps, backend="aot_eager")(cells).scores.requires_grad
    _, scores = torch.ops.heatpose.decode_heatmaps(cells)
    with pytest.raises(NotImplementedError, match="heatpose::decode_heatmaps is not differentiab"):
        scores.sum().backward()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.resize_average(x, (9, 9), out=torch.empty(3, 9, 9)), "out cannot be given"),
        (lambda x: ops.resize_average(x), "misses the argument 'canvas'"),
        (lambda x: ops.resize_average(x, (9, 9), bogus=1), "no argument of that name"),
        (lambda x: ops.find_peaks(x, x), "takes 1 positional arguments, got 2"),
        (lambda x: ops.gaussian_smooth(x, taps=x[0, 0]), "taps must be a list or a tuple"),
        (lambda x: ops.decode_heatmaps(x, transform=[[1, 0, 0], [0, 1, 0]]), "transform must be a"),
        (lambda x: ops.decode_heatmaps(x, kernel="5"), "argument 'kernel'"),
        (lambda x: ops.decode_heatmaps(x, method="best"), "method must be one of"),
    ],
)
def test_what_does_not_fit_is_said(call: Callable[..., Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        compiled(call)(maps(3, 9, 8))
    assert message in str(caught.value).replace("\\'", "'")


def test_limbs_in_an_array_are_refused_by_dynamo() -> None:
    limbs = np.array(LIMBS)

    def decode(cells: Any, fields: Any) -> Any:
        peaks = ops.peaks_from_cells(cells, CANVAS)
        return ops.associate(peaks, fields, limbs, CHANNELS, CANVAS)

    with pytest.raises(RuntimeError, match=r"limbs must be a list .* give limbs.tolist\(\)"):
        compiled(decode)(maps(3, 16, 12), maps(4, 16, 12))
