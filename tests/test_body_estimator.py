"""The body estimator: inputs, batches, scales, settings; with a small network of known answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from heatpose.decoders import BodyDecoder, KeypointDecoder
from heatpose.estimators import BodyEstimator
from heatpose.networks import InputSpec, OpenPoseMobileNetV2Small, OpenPoseVGG19
from heatpose.results import People
from heatpose.skeletons import COCO18

Image = npt.NDArray[np.uint8]


class Blur(nn.Module):
    """Heatmap c is the mean blue of each 8x8 cell times c / 18: what went in can be read off it."""

    input_spec: ClassVar[InputSpec] = InputSpec(box=64, norm_scale=1.0, norm_offset=0.0)

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.arange(19.0).view(1, 19, 1, 1) / 18)
        self.batches: list[int] = []

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.batches.append(len(x))
        heatmaps = nn.functional.avg_pool2d(x[:, :1], 8) * self.gain
        return heatmaps, heatmaps.new_zeros(len(x), 38, *heatmaps.shape[2:])


class Recorder:
    """Stands in for the decoder and keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, heatmaps: Sequence[Any], pafs: Sequence[Any], **settings: Any) -> People:
        self.calls.append({"heatmaps": heatmaps, "pafs": pafs, **settings})
        return People.empty(COCO18, settings["canvas"])


def photo(height: int = 48, width: int = 80, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def recording(**settings: Any) -> tuple[BodyEstimator, Recorder]:
    recorder = Recorder()
    return BodyEstimator(Blur(), decoder=recorder, **settings), recorder  # type: ignore[arg-type]


def maps_of(estimator: BodyEstimator, recorder: Recorder, images: Any) -> list[Any]:
    recorder.calls.clear()
    estimator(images)
    return [call["heatmaps"] for call in recorder.calls]


# --- From photo to maps


def test_the_decoder_gets_maps_canvas_content_and_stride_of_every_scale() -> None:
    estimator, recorder = recording(scales=(1, 0.5, 1.7))
    people = estimator(photo(48, 81))
    assert isinstance(people, People)
    (call,) = recorder.calls
    assert call["canvas"] == (48, 81)
    assert call["content"] == [(64, 108), (32, 54), (109, 184)]
    assert call["stride"] == 8
    assert [maps.shape for maps in call["heatmaps"]] == [(19, 8, 14), (19, 4, 7), (19, 14, 23)]
    assert [maps.shape for maps in call["pafs"]] == [(38, 8, 14), (38, 4, 7), (38, 14, 23)]
    assert all(maps.dtype == np.float32 for maps in call["heatmaps"])


def test_the_network_sees_the_photo_resized_and_padded_with_grey() -> None:
    estimator, recorder = recording()
    image = photo(48, 81)
    resized = cv2.resize(image, None, fx=64 / 48, fy=64 / 48, interpolation=cv2.INTER_CUBIC)
    padded = np.full((64, 112), 128, np.float32)
    padded[:, :108] = resized[..., 0]
    cells = padded.reshape(8, 8, 14, 8).mean(axis=(1, 3))
    (maps,) = maps_of(estimator, recorder, image)[0]
    np.testing.assert_allclose(maps[18], cells, atol=0.6)  # a grey level of resizing


def test_the_spec_of_the_network_is_followed() -> None:
    class Other(Blur):
        input_spec: ClassVar[InputSpec] = InputSpec(
            stride=16, box=32, pad_value=0, norm_scale=2.0, norm_offset=-1.0, colour="rgb"
        )

    recorder = Recorder()
    estimator = BodyEstimator(Other(), decoder=recorder)  # type: ignore[arg-type]
    image = np.zeros((32, 40, 3), np.uint8)
    image[...] = (10, 20, 30)
    estimator(image)
    (call,) = recorder.calls
    assert call["stride"] == 16
    maps = call["heatmaps"][0][18]
    np.testing.assert_allclose(maps[:, :5], 2 * 30 - 1)  # red comes first
    np.testing.assert_allclose(maps[:, 5:], -1)


def test_box_overrides_the_networks() -> None:
    estimator, recorder = recording(box=96)
    estimator(photo(48, 80))
    assert recorder.calls[0]["content"] == [(96, 160)]


# --- Kinds of photos


def test_all_kinds_of_one_photo_give_the_same_maps(tmp_path: Path) -> None:
    estimator, recorder = recording()
    image = photo()
    cv2.imwrite(str(tmp_path / "photo.png"), image)
    opaque = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    padded = np.zeros((60, 100, 3), np.uint8)
    padded[3:51, 7:87] = image
    read_only = image.copy()
    read_only.setflags(write=False)
    (want,) = maps_of(estimator, recorder, image)
    kinds = {
        "str": str(tmp_path / "photo.png"),
        "Path": tmp_path / "photo.png",
        "tensor": torch.from_numpy(image),
        "BGRA": opaque,
        "slice": padded[3:51, 7:87],
        "Fortran": np.asfortranarray(image),
        "read-only": read_only,
    }
    for name, kind in kinds.items():
        (got,) = maps_of(estimator, recorder, kind)
        np.testing.assert_array_equal(got[0], want[0], err_msg=name)


def test_grey_photos_are_three_equal_channels() -> None:
    estimator, recorder = recording()
    grey = photo()[..., 0]
    (want,) = maps_of(estimator, recorder, np.dstack([grey] * 3))
    for kind in (grey, grey[..., None]):
        (got,) = maps_of(estimator, recorder, kind)
        np.testing.assert_array_equal(got[0], want[0])


def test_transparent_pixels_are_white() -> None:
    estimator, recorder = recording()
    (maps,) = maps_of(estimator, recorder, np.zeros((64, 64, 4), np.uint8))
    np.testing.assert_allclose(maps[0][18], 255)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (photo().astype(np.float32), TypeError, "image must be uint8.*float32"),
        (torch.zeros(4, 4, 3), TypeError, "image must be uint8.*float32"),
        (5, TypeError, "image must be a path.*int"),
        (None, TypeError, "image must be a path.*NoneType"),
        ([None], TypeError, r"images\[0\] must be a path.*NoneType"),
        ([photo(), photo()[0, 0]], ValueError, r"images\[1\] must be \[H, W, 3\].*\(3,\)"),
        (photo().transpose(2, 0, 1), ValueError, "channels come last"),
        (np.stack([photo()] * 2), ValueError, r"list\(images\)"),
        (np.zeros((0, 5, 3), np.uint8), ValueError, r"with pixels, got shape \(0, 5, 3\)"),
        (np.zeros((0, 5), np.uint8), ValueError, r"with pixels, got shape \(0, 5\)"),
        (np.zeros((5, 5, 2), np.uint8), ValueError, r"got shape \(5, 5, 2\)"),
        ("no such photo.jpg", FileNotFoundError, "no such photo"),
        (np.zeros((1, 99_999, 3), np.uint8), ValueError, "99999x1 pixels at scale 1.0"),
    ],
    ids=lambda value: None if isinstance(value, (np.ndarray, Tensor)) else str(value)[:30],
)
def test_other_things_are_refused_by_name(image: Any, error: type[Exception], message: str) -> None:
    estimator, _ = recording()
    with pytest.raises(error, match=message):
        estimator(image)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    estimator, _ = recording()
    (tmp_path / "notes.jpg").write_text("no pixels")
    with pytest.raises(ValueError, match=r"notes\.jpg"):
        estimator(tmp_path / "notes.jpg")


# --- Many photos


def test_many_photos_give_a_list_in_order_even_of_one_or_none() -> None:
    estimator, recorder = recording()
    sizes = [(48, 80), (80, 48), (48, 80), (20, 20), (96, 160)]
    people = estimator([photo(*size) for size in sizes])
    assert [one.canvas for one in people] == sizes
    assert [call["canvas"] for call in recorder.calls] == sizes
    assert len(estimator([photo()])) == 1
    assert estimator([]) == []
    assert [one.canvas for one in estimator(photo(*size) for size in sizes)] == sizes


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_batch_answers_as_one_by_one(batch_size: int) -> None:
    images = [photo(48, 80, seed) for seed in range(5)] + [photo(50, 50), photo(96, 160)]
    estimator, recorder = recording(scales=(0.5, 1), batch_size=batch_size)
    together = maps_of(estimator, recorder, images)
    alone = [maps_of(estimator, recorder, image)[0] for image in images]
    for many, one in zip(together, alone, strict=True):
        for a, b in zip(many, one, strict=True):
            np.testing.assert_array_equal(a, b)


def test_photos_of_one_input_size_share_a_run_of_the_network() -> None:
    network = Blur()
    estimator = BodyEstimator(network, decoder=Recorder(), batch_size=4)  # type: ignore[arg-type]
    # 96x160 is resized to the same input as 48x80.
    estimator([photo(48, 80)] * 3 + [photo(96, 160)] + [photo(48, 80), photo(80, 48)])
    assert network.batches == [4, 1, 1]


def test_threads_may_share_an_estimator() -> None:
    torch.manual_seed(0)
    estimator = BodyEstimator(OpenPoseMobileNetV2Small(), box=64, scales=(0.5, 1.0))
    images = [photo(48, 64, seed) for seed in range(4)]
    want = [estimator(image) for image in images]
    got: dict[tuple[int, int], People] = {}

    def work(thread: int) -> None:
        for i, image in enumerate(images):
            got[thread, i] = estimator(image)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12
    for (_, i), people in got.items():
        np.testing.assert_array_equal(people.keypoints, want[i].keypoints)
        np.testing.assert_array_equal(people.scores, want[i].scores)


# --- Models, weights, settings


@pytest.fixture(scope="module")
def mobilenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.safetensors"
    save_file(OpenPoseMobileNetV2Small().state_dict(), path)
    return path


@pytest.mark.parametrize("name", ["auto", "default", "mobilenet-v2-small"])
def test_a_named_model_is_loaded_in_evaluation_mode(name: str, mobilenet_file: Path) -> None:
    estimator = BodyEstimator(name, weights=mobilenet_file, device="cpu")
    assert isinstance(estimator.network, OpenPoseMobileNetV2Small)
    assert not estimator.network.training
    torch.manual_seed(0)
    want = OpenPoseMobileNetV2Small()
    assert torch.equal(estimator.network.stem.conv.weight, want.stem.conv.weight)


def test_auto_tells_vgg_by_its_keys(tmp_path: Path) -> None:
    state = OpenPoseVGG19().state_dict()
    torch.save({f"model0.{key}": value for key, value in state.items()}, tmp_path / "body.pth")
    estimator = BodyEstimator("auto", weights=str(tmp_path / "body.pth"), device="cpu")
    assert isinstance(estimator.network, OpenPoseVGG19)
    assert estimator.box == 368


def test_a_module_may_be_filled_from_a_file(tmp_path: Path) -> None:
    save_file({"gain": torch.full((1, 19, 1, 1), 7.0)}, tmp_path / "blur.safetensors")
    network = Blur().train()
    estimator = BodyEstimator(network, weights=tmp_path / "blur.safetensors")
    assert estimator.network is network
    assert not network.training
    assert network.gain.unique().tolist() == [7.0]


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16])
def test_other_element_types_give_float32_maps(dtype: Any) -> None:
    estimator, recorder = recording(dtype=dtype)
    assert next(estimator.network.parameters()).dtype == torch.bfloat16
    (maps,) = maps_of(estimator, recorder, photo())
    assert maps[0].dtype == np.float32
    plain, other = recording()
    np.testing.assert_allclose(maps[0], maps_of(plain, other, photo())[0][0], rtol=0.02, atol=1)


def test_decoder_settings_reach_the_decoder() -> None:
    estimator = BodyEstimator(Blur(), threshold=0.25)
    assert isinstance(estimator.decoder, BodyDecoder)
    with pytest.raises(TypeError, match="no_such_setting"):
        BodyEstimator(Blur(), no_such_setting=1)


def build(**settings: Any) -> Callable[[], BodyEstimator]:
    model = settings.pop("model", None)
    return lambda: BodyEstimator(Blur() if model is None else model, **settings)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (build(model="vgg19"), ValueError, "'vgg19' needs weights="),
        (
            build(model="resnet"),
            ValueError,
            "model must be a checkpoint.*or a network.*vgg19.*got 'resnet'",
        ),
        (build(model=3), TypeError, "model must be a name or a torch module, got int"),
        (build(model=nn.ReLU()), TypeError, "ReLU needs an attribute input_spec"),
        (build(model="auto", weights="nowhere.pth"), FileNotFoundError, "nowhere.pth"),
        (build(device="warp"), ValueError, "device 'warp' is neither 'auto' nor"),
        (build(device="cuda:99"), ValueError, "'cuda:99' cannot be used"),
        (build(dtype="int8"), ValueError, "dtype must be one of float32.*'int8'"),
        (build(dtype=torch.float64), ValueError, "dtype must be one of float32.*'float64'"),
        (build(padding=1.0), ValueError, "padding: for top-down networks only, and Blur is none"),
        (build(detector=print), ValueError, "detector: for top-down networks only"),
        (build(scales=()), ValueError, "scales must be positive numbers, at least one"),
        (build(scales=(1, -1)), ValueError, "scales must be positive"),
        (build(scales=(float("nan"),)), ValueError, "scales must be positive"),
        (build(scales=1.0), TypeError, "scales must be a sequence"),
        (build(box=0), ValueError, "box must be at least 1, got 0"),
        (build(box=1.5), TypeError, "box must be a whole number, got 1.5"),
        (build(batch_size=0), ValueError, "batch_size must be at least 1"),
        (build(decoder=KeypointDecoder(COCO18)), TypeError, "a BodyDecoder for Blur"),
        (build(decoder=Recorder(), threshold=1), ValueError, r"got both: \['threshold'\]"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    make: Callable[[], BodyEstimator], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_weights_of_another_network_are_refused(tmp_path: Path, mobilenet_file: Path) -> None:
    with pytest.raises(ValueError, match=r"do not fit OpenPoseVGG19.*missing.*unknown"):
        BodyEstimator("vgg19", weights=mobilenet_file)
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="belong to no known network"):
        BodyEstimator("auto", weights=tmp_path / "x.safetensors")


def test_repr_says_what_runs_where() -> None:
    text = repr(BodyEstimator(Blur(), scales=(0.5, 1)))
    assert text == "BodyEstimator(Blur, device='cpu', dtype='float32', scales=(0.5, 1.0), box=64)"


def test_boxes_are_refused_by_a_network_that_needs_none() -> None:
    estimator, _ = recording()
    with pytest.raises(ValueError, match=r"Blur is bottom-up.*boxes are for top-down networks"):
        estimator(photo(), boxes=[[0, 0, 9, 9]])
