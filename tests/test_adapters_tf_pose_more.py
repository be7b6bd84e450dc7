"""TfPoseEstimator, the boxes of a person, the names of tf_pose.common, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from heatpose import demo  # noqa: E402
from heatpose.adapters import tf_pose  # noqa: E402
from heatpose.adapters.tf_pose import (  # noqa: E402
    BodyPart,
    CocoPart,
    Human,
    PoseEstimator,
    TfPoseEstimator,
    common,
    networks,
)
from heatpose.networks import InputSpec, OpenPoseMobileNetV2Small  # noqa: E402

RNG = np.random.default_rng(2)
PHOTO = RNG.integers(0, 255, (120, 170, 3), dtype=np.uint8)


class Painted(nn.Module):
    """Answers with planted people, and remembers what it was given."""

    def __init__(self, people: int = 2, *, together: bool = False, cells: Any = None) -> None:
        super().__init__()
        self.people, self.together, self.cells = people, together, cells
        self.seen: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.seen.append(x.clone())
        cells = self.cells or (x.shape[2] // 8, x.shape[3] // 8)
        heat, pafs, _ = demo.planted_crowd(self.people, cells=cells, seed=1, noise=0.01)
        maps = [torch.from_numpy(one)[None] for one in (heat, pafs)]
        return torch.cat(maps, dim=1) if self.together else tuple(reversed(maps))


def area(maps: Any, size: tuple[int, int]) -> Any:
    """Each new pixel is the mean of what it covers of the old ones, one at a time."""
    height, width, channels = maps.shape
    answer = np.zeros((*size, channels))
    for y, x in np.ndindex(*size):
        top, bottom = y * height / size[0], (y + 1) * height / size[0]
        left, right = x * width / size[1], (x + 1) * width / size[1]
        for i in range(int(top), min(int(np.ceil(bottom)), height)):
            for j in range(int(left), min(int(np.ceil(right)), width)):
                share = (min(bottom, i + 1) - max(top, i)) * (min(right, j + 1) - max(left, j))
                answer[y, x] += share * maps[i, j]
        answer[y, x] /= (bottom - top) * (right - left)
    return answer


def described(humans: list[Human]) -> list[Any]:
    return [
        (round(h.score, 4), {k: (p.x, p.y, round(p.score, 4)) for k, p in h.body_parts.items()})
        for h in humans
    ]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("upsample", [1.0, 4.0, 4])
def test_people_are_those_of_the_steps(upsample: float, together: bool) -> None:
    network = Painted(together=together)
    estimator = TfPoseEstimator(network, target_size=(320, 240))
    humans = estimator.inference(PHOTO, resize_to_default=True, upsample_size=upsample)
    (given,) = network.seen
    wanted = cv2.resize(PHOTO, (320, 240), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(given[0].numpy().transpose(1, 2, 0), wanted)  # 0..255, BGR
    heat, paf = estimator.heatMat, estimator.pafMat
    size = (int(30 * upsample), int(40 * upsample))
    assert heat.shape == (*size, 19) and paf.shape == (*size, 38)
    assert heat.dtype == paf.dtype == np.float32
    peaks = tf_pose.find_peaks(heat)
    assert described(humans) == described(PoseEstimator.estimate_paf(peaks, heat, paf))
    assert len(humans) == (2 if upsample > 1 else len(humans))


@pytest.mark.parametrize("upsample", [2.5, 0.5])
def test_maps_grow_by_any_factor(upsample: float) -> None:
    estimator = TfPoseEstimator(Painted(), target_size=(168, 120))
    humans = estimator.inference(PHOTO, upsample_size=upsample)
    size = (int(15 * upsample), int(21 * upsample))
    heat, pafs, _ = demo.planted_crowd(2, cells=(15, 21), seed=1, noise=0.01)
    want_heat = area(heat.transpose(1, 2, 0), size)
    np.testing.assert_allclose(estimator.heatMat, want_heat, atol=1e-6)
    np.testing.assert_allclose(estimator.pafMat, area(pafs.transpose(1, 2, 0), size), atol=1e-6)
    peaks = tf_pose.find_peaks(estimator.heatMat)
    again = PoseEstimator.estimate_paf(peaks, estimator.heatMat, estimator.pafMat)
    assert described(humans) == described(again)


def test_a_picture_may_keep_its_size() -> None:
    network = Painted()
    estimator = TfPoseEstimator(network, (320, 240))
    estimator.inference(PHOTO, resize_to_default=False, upsample_size=2.0)
    assert network.seen[0].shape == (1, 3, 120, 170)
    assert estimator.heatMat.shape == (30, 42, 19)  # int(170 / 8 * 2) of 21 cells' 42


def test_what_the_network_says_of_its_input_counts() -> None:
    class Other(Painted):
        input_spec = InputSpec(norm_scale=1 / 256, norm_offset=-0.5, colour="rgb")

    network = Other()
    TfPoseEstimator(network, (176, 120)).inference(PHOTO.astype(np.float32), False)
    given = network.seen[0][0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(given, PHOTO[:, :, ::-1] / 256 - 0.5, atol=1e-6)


def test_a_weight_file_is_loaded(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(3)
    network = OpenPoseMobileNetV2Small()
    path = tmp_path / "small.safetensors"
    save_file(network.state_dict(), path)
    estimator = TfPoseEstimator(str(path), (64, 48), tf_config=None, trt_bool=False)
    estimator.inference(PHOTO)
    heat, paf = estimator.heatMat, estimator.pafMat
    assert heat.shape == (6, 8, 19)
    given = cv2.resize(PHOTO, (64, 48), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(given.transpose(2, 0, 1)[None]))
    np.testing.assert_allclose(heat, wanted[0][0].permute(1, 2, 0), atol=1e-5)
    np.testing.assert_allclose(paf, wanted[1][0].permute(1, 2, 0), atol=1e-5)
    with pytest.raises(FileNotFoundError):
        TfPoseEstimator(str(tmp_path / "none.pb"))
    (tmp_path / "bad.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=r"bad\.pb"):
        TfPoseEstimator(tmp_path / "bad.pb")


def test_wrong_settings_and_pictures() -> None:
    for size, error in (((0, 240), ValueError), ((320,), ValueError), (320, TypeError),
                        ((320.5, 240), TypeError)):  # fmt: skip
        with pytest.raises(error, match="target_size"):
            TfPoseEstimator(Painted(), size)
    with pytest.raises(TypeError, match="graph_path must be"):
        TfPoseEstimator(None)
    estimator = TfPoseEstimator(Painted())
    assert estimator.heatMat is None and estimator.pafMat is None
    for bad, kind in (
        (None, TypeError), ("a.jpg", TypeError), ([], TypeError), (PHOTO.astype(int), TypeError),
        (PHOTO[0], ValueError), (PHOTO[:, :, :1], ValueError), (PHOTO[:0], ValueError),
        (np.full((9, 9, 3), np.nan), ValueError),
    ):  # fmt: skip
        with pytest.raises(kind, match="npimg must"):
            estimator.inference(bad)
    for factor, kind in ((0, ValueError), (-1, ValueError), (float("nan"), ValueError),
                         ("4", TypeError), (0.01, ValueError)):  # fmt: skip
        with pytest.raises(kind, match="upsample_size"):
            estimator.inference(PHOTO, upsample_size=factor)
    with pytest.raises(ValueError, match="19 and 38 channels, or 57"):
        TfPoseEstimator(nn.Conv2d(3, 5, 8, 8)).inference(PHOTO)


def test_nobody_and_nan() -> None:
    estimator = TfPoseEstimator(Painted(people=0))
    assert estimator.inference(PHOTO, upsample_size=4.0) == []
    np.testing.assert_array_equal(TfPoseEstimator.draw_humans(PHOTO, []), PHOTO)

    class Nothing(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.full((1, 57, x.shape[2] // 8, x.shape[3] // 8), float("nan"))

    for factor in (4.0, 2.5):
        assert TfPoseEstimator(Nothing()).inference(PHOTO, upsample_size=factor) == []


def test_bad_maps_are_named() -> None:
    maps = np.zeros((6, 7, 57))
    for bad in ([], maps[0], maps[:, :, :17], "maps"):
        with pytest.raises((TypeError, ValueError)):
            tf_pose.estimate(bad)  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError)):
            PoseEstimator.estimate_paf(bad, bad, bad)  # type: ignore[arg-type]
        with pytest.raises((TypeError, ValueError)):
            tf_pose.find_peaks(bad if isinstance(bad, (str, list)) else maps[0])
    empty = np.zeros((6, 7, 38), np.float32)
    assert PoseEstimator.estimate_paf(empty, empty, empty) == []
    assert PoseEstimator.estimate_paf(empty * np.nan, empty, empty * np.nan) == []
    assert PoseEstimator.estimate_paf(empty[:0], empty[:0], empty[:0]) == []


def test_photos_give_the_recorded_people(shared_data: Path) -> None:
    """Of the network's own float32 output; the recordings are of maps in float16."""
    body = shared_data / "body"
    weights = body / "model" / "openpose_mobilenet_v2_small.safetensors"
    estimator = TfPoseEstimator(weights, (432, 368), device="cpu")
    people, same, parts = 0, 0, 0
    for path in sorted((body / "photos").glob("*.jpg"))[:6]:
        golden = json.loads((body / "golden" / f"{path.stem}.json").read_text())
        recorded = golden["inputs"]["432x368"]["tfpose"]["people"]
        humans = estimator.inference(cv2.imread(str(path)), upsample_size=4.0)
        assert len(humans) == len(recorded)
        people += len(humans)
        for human, wanted in zip(humans, recorded, strict=True):
            for part, point in enumerate(wanted["keypoints"]):
                found = human.body_parts.get(part)
                parts += found is not None or point is not None
                if found is not None and point is not None:
                    same += np.allclose((found.x, found.y), point[:2], atol=1e-6)
    print(f"{people} people, {same} of {parts} parts in the recorded pixel")
    assert people > 8 and same > 0.97 * parts


# ---- people --------------------------------------------------------------------------------------


def person(**places: tuple[float, float]) -> Human:
    human = Human()
    for name, (x, y) in places.items():
        part = CocoPart[name].value
        human.body_parts[part] = BodyPart(f"0-{part}", part, x, y, 0.9)
    return human


FACE = {"Nose": (0.5, 0.3), "Neck": (0.5, 0.5)}


@pytest.mark.parametrize(
    ("more", "mode", "wanted"),
    [
        # Of the neck: 0.8 * 0.2 * 100 rows = 16; a third of it lies above the nose, half beside.
        ({}, 0, {"x": 100, "y": 33, "w": 16, "h": 16}),
        ({}, 1, None),  # without an eye
        ({"LEye": (0.52, 0.28)}, 0, {"x": 98, "y": 33, "w": 16, "h": 16}),
        ({"REye": (0.48, 0.28)}, 0, {"x": 103, "y": 33, "w": 16, "h": 16}),
        ({"REye": (0.48, 0.28)}, 1, {"x": 95, "y": 20, "w": 16, "h": 16}),
        # Both eyes: twice their distance, 2 * 200 * 0.06 = 24.
        ({"REye": (0.53, 0.28), "LEye": (0.47, 0.28)}, 0, {"x": 100, "y": 34, "w": 24, "h": 24}),
        # Both ears: 1.6 * 200 * 0.1 = 32 columns.
        ({"REar": (0.55, 0.3), "LEar": (0.45, 0.3)}, 0, {"x": 100, "y": 36, "w": 32, "h": 32}),
    ],
)
def test_boxes_of_faces(more: Any, mode: int, wanted: Any) -> None:
    assert person(**FACE, **more).get_face_box(200, 100, mode) == wanted


def test_faces_without_a_nose_or_a_size() -> None:
    assert Human().get_face_box(200, 100) is None
    assert person(Neck=(0.5, 0.5)).get_face_box(200, 100) is None
    assert person(Nose=(0.5, 0.5)).get_face_box(200, 100) is None
    weak = person(**FACE)
    weak.body_parts[CocoPart.Nose.value].score = 0.2
    assert weak.get_face_box(200, 100) is None
    edge = person(Nose=(0.02, 0.02), Neck=(0.02, 0.42)).get_face_box(200, 100)
    assert edge == {"x": 10, "y": 12, "w": 20, "h": 24}  # cut to what is in the picture
    outside = person(Nose=(-0.5, 0.3), Neck=(-0.5, 0.5)).get_face_box(200, 100)
    assert outside is None


def test_boxes_of_upper_bodies() -> None:
    torso = {"RShoulder": (0.4, 0.5), "LShoulder": (0.6, 0.5), "RHip": (0.45, 0.9)}
    # From x 80 to 120, 15 % more on both sides; from y 30 up by 0.8 of neck to nose.
    box = person(**FACE, **torso).get_upper_body_box(200, 100)
    assert box == {"x": 100, "y": 52, "w": 52, "h": 76}
    del torso["LShoulder"]
    one_side = person(**FACE, **torso, LHip=(0.52, 0.9)).get_upper_body_box(200, 100)
    # The neck and 1.15 of its distance to the shoulder, 23 columns, to both sides.
    assert one_side == {"x": 100, "y": 52, "w": 46, "h": 76}
    assert person(**FACE, **torso).get_upper_body_box(200, 100) is None  # four parts
    assert Human().get_upper_body_box(200, 100) is None
    for size in ((0, 100), (200, -1)):
        with pytest.raises(ValueError, match="must be above 0"):
            person(**FACE).get_upper_body_box(*size)


def test_people_are_drawn() -> None:
    human = person(Nose=(0.25, 0.25), Neck=(0.25, 0.75), RShoulder=(0.75, 0.75), LEar=(0.9, 0.1))
    picture = np.zeros((80, 120, 3), np.uint8)
    drawn = TfPoseEstimator.draw_humans(picture, [human], imgcopy=True)
    assert not picture.any()
    assert drawn[8, 111].tolist() == common.CocoColors[CocoPart.LEar.value]
    middle = common.CocoPairsRender.index((1, 0))
    assert drawn[40, 30].tolist() == common.CocoColors[middle]
    assert drawn[60, 60].tolist() == common.CocoColors[common.CocoPairsRender.index((1, 2))]
    same = TfPoseEstimator.draw_humans(picture, [human])
    assert same is picture
    np.testing.assert_array_equal(same, drawn)
    with pytest.raises(TypeError, match="npimg must"):
        TfPoseEstimator.draw_humans(None, [human])  # type: ignore[arg-type]


# ---- names ---------------------------------------------------------------------------------------


def test_the_names_of_common(tmp_path: Path) -> None:
    assert common.CocoPart is CocoPart
    assert len(common.CocoPairs) == 19 and common.CocoPairs[0] == (1, 2)
    assert common.CocoPairsRender == common.CocoPairs[:-2]
    assert common.CocoPairs[-2:] == [(2, 16), (5, 17)]
    assert common.CocoPairsNetwork[:2] == [(12, 13), (20, 21)]
    assert len(common.CocoColors) == 18
    assert common.CocoColors[:4] == [[255, 0, 0], [255, 85, 0], [255, 170, 0], [255, 255, 0]]
    assert common.CocoColors[-1] == [255, 0, 85]
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), PHOTO)
    np.testing.assert_array_equal(common.read_imgfile(str(path)), PHOTO)
    small = common.read_imgfile(path, 64, 48)
    np.testing.assert_array_equal(small, cv2.resize(PHOTO, (64, 48)))
    with pytest.raises(FileNotFoundError):
        common.read_imgfile(tmp_path / "none.png")


def test_sizes_and_files_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert networks.model_wh("432x368") == (432, 368)
    assert networks.model_wh("0x0") == (0, 0)
    for text in ("431x368", "432", "ax16", "-16x16", "432x368x1"):
        with pytest.raises(ValueError, match="resolution_str must be"):
            networks.model_wh(text)
    monkeypatch.setattr(networks, "fetch", lambda name: Path("/cache") / name)
    assert networks.get_graph_path("mobilenet_v2_small") == "/cache/tfpose-mobilenet_v2_small"
    assert networks.get_graph_path("cmu") == "/cache/openpose-coco18-caffe"
    with pytest.raises(
        ValueError, match=r"mobilenet_thin is not known to heatpose: give .* or cmu"
    ):
        networks.get_graph_path("mobilenet_thin")


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, heatpose.adapters.tf_pose; print({'torch', 'cv2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
