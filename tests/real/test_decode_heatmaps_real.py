"""Top-down decoding against recorded answers of published programs, on real and on edge-case maps.

Peer arrays are described in the README of the data. Goldens agree with ours within 1e-3 cells;
where they do not, the case is named here, with the reason and with our own answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatpose import ops, reference

MINUS_ONE = {"invalid": "minus_one"}
PEERS: dict[str, dict[str, Any]] = {
    "darkpose.get_max_preds": {"method": "none"},
    "darkpose.get_final_preds.k11": {"method": "dark", "kernel": 11},
    "darkpose.get_final_preds.k17": {"method": "dark", "kernel": 17},
    "microsoft.get_final_preds": {"method": "quarter"},
    "mmpose.get_heatmap_maximum": {"method": "none", **MINUS_ONE},
    "mmpose.refine_keypoints": {"method": "quarter", "quarter_border": "per_axis", **MINUS_ONE},
    "mmpose.refine_keypoints_dark.k11": {"method": "dark", "kernel": 11, **MINUS_ONE},
    "mmpose.refine_keypoints_dark.k17": {"method": "dark", "kernel": 17, **MINUS_ONE},
    "mmpose.refine_keypoints_dark_udp.k11": {"method": "dark_udp", "kernel": 11, **MINUS_ONE},
    "mmpose.refine_keypoints_dark_udp.k17": {"method": "dark_udp", "kernel": 17, **MINUS_ONE},
}

# The peers have no useful answer for these maps: NaN, the NaN cell itself, its neighbour, or
# (0, 0) although there is a peak. Ours, by method: NaN counts as minus infinity.
NAN_MAPS: dict[str, dict[str, tuple[float, float]]] = {
    # A blur that touches minus infinity has nothing to fit: DARK keeps the cell.
    "nan_at_peak": {
        "none": (14, 50), "quarter": (14.25, 49.75), "dark": (14, 50), "dark_udp": (14, 50)
    },
    "nan_next_to_peak": {
        "none": (14, 51), "quarter": (13.75, 50.75), "dark": (14, 51), "dark_udp": (14, 51)
    },
    # Far from the peak it does no harm: the centre was planted at (14.2, 50.7).
    "nan_far": {
        "none": (14, 51), "quarter": (14.25, 50.75), "dark": (14.2, 50.7), "dark_udp": (14.2, 50.7)
    },
    "nan_and_inf": {"none": (1, 1), "quarter": (1, 1), "dark": (1, 1), "dark_udp": (1, 1)},
}  # fmt: skip
NAN_SCORES = {"nan_and_inf": np.inf, "nan_all": -np.inf}

# Not finite in the peers: a map without a positive value (0 / 0 when DARK-UDP rescales its blur)
# or with an infinite maximum. Ours: the invalid place, and the cell. Without a number at all
# (nan_all) mmpose says (0, 0), its place of a valid first cell; ours is invalid there too.
INVALID_MAPS = ("all_zero", "negative_zero", "neginf_all", "nan_all", "size_0x0_random",
                "size_0x5_random")  # fmt: skip
INFINITE_MAPS = {"posinf_at_peak": (14, 51), "posinf_far": (3, 2)}

# A map of one column: the Hessian along x is nothing but the added float32 epsilon, so that the
# peer's x (0.012) is float32 rounding of a flat log over that epsilon. In double precision it is 0.
ILL_CONDITIONED = {("size_5x1_random", "mmpose.refine_keypoints_dark_udp.k11")}


def numbers(values: Any) -> np.ndarray:
    """JSON numbers, where non-finite ones are strings."""
    return np.vectorize(float, otypes=[np.float64])(np.array(values, object))


def invalid_place(peer: str) -> tuple[float, float]:
    return (-1, -1) if "invalid" in PEERS[peer] else (0, 0)


@pytest.fixture(scope="module")
def edge(shared_data: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    folder = shared_data / "hand" / "decode_edge"
    cases = json.loads((folder / "edge_goldens.json").read_text())["cases"]
    return cases, dict(np.load(folder / "edge_inputs.npz"))


@pytest.mark.parametrize("peer", PEERS)
def test_edge_cases(edge: Any, vector_unit: str, peer: str) -> None:
    cases, inputs = edge
    assert len(cases) == 109
    compared = 0
    for name, case in cases.items():
        golden = case["results"][peer]
        coords, scores = ops.decode_heatmaps(inputs[name][None], **PEERS[peer])
        message = f"{name}: {peer}"
        if name in INVALID_MAPS:
            assert tuple(coords[0]) == invalid_place(peer), message
        elif name in NAN_MAPS:
            want = NAN_MAPS[name][PEERS[peer]["method"]]
            np.testing.assert_allclose(coords[0], want, atol=2e-4, err_msg=message)
        elif name in INFINITE_MAPS and PEERS[peer]["method"].startswith("dark"):
            assert tuple(coords[0]) == INFINITE_MAPS[name], message
        elif (name, peer) in ILL_CONDITIONED:
            want = reference.decode_heatmaps(inputs[name][None], **PEERS[peer])[0]
            np.testing.assert_allclose(coords, want, atol=1e-6, err_msg=message)
            np.testing.assert_allclose(coords[0, 1], numbers(golden["coords"])[0, 1], atol=1e-3)
        else:
            assert golden["error"] is None
            want = numbers(golden["coords"])
            assert np.isfinite(want).all(), message
            np.testing.assert_allclose(coords, want, rtol=0, atol=1e-3, err_msg=message)
            np.testing.assert_array_equal(scores, numbers(golden["maxvals"]).astype(np.float32))
            compared += 1
    assert compared >= 109 - 13


def test_scores_of_maps_with_nan_and_of_empty_maps(edge: Any) -> None:
    _, inputs = edge
    for name in ("nan_at_peak", "nan_next_to_peak", "nan_far", "nan_and_inf", "nan_all"):
        finite = inputs[name][~np.isnan(inputs[name])]
        assert ops.decode_heatmaps(inputs[name][None]).scores[0] == finite.max(initial=-np.inf)
    for name in ("size_0x0_random", "size_0x5_random"):
        assert ops.decode_heatmaps(inputs[name][None]).scores[0] == -np.inf


@pytest.mark.parametrize("peer", PEERS)
def test_batch_of_noisy_gaussians(shared_data: Path, peer: str) -> None:
    goldens = np.load(shared_data / "hand" / "decode_edge" / "batch_64x48.npz")
    coords, scores = ops.decode_heatmaps(goldens["heatmaps"], **PEERS[peer])
    np.testing.assert_allclose(coords, goldens[peer], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(scores, goldens["maxvals"])


@pytest.fixture(scope="module")
def hands(shared_data: Path) -> tuple[np.ndarray, Any, list[dict[str, Any]]]:
    folder = shared_data / "hand" / "handnet"
    maps = np.load(folder / "heatmaps_f16.npz")["heatmaps"]
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    return maps, np.load(folder / "decode_goldens.npz"), cases


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("peer", PEERS)
def test_hands_of_a_trained_network(hands: Any, peer: str, dtype: type[Any]) -> None:
    maps, goldens, _ = hands
    coords, scores = ops.decode_heatmaps(maps.astype(dtype), **PEERS[peer])
    np.testing.assert_allclose(coords, goldens[peer], rtol=0, atol=2e-4)
    np.testing.assert_array_equal(scores, goldens["maxvals"])


@pytest.mark.parametrize(
    ("peer", "convention"),
    [("microsoft.get_final_preds", "microsoft"), ("darkpose.get_final_preds.k11", "darkpose")],
)
def test_hands_in_the_photo(hands: Any, peer: str, convention: str) -> None:
    maps, goldens, cases = hands
    transform = ops.crop_transform(
        [case["affine_center"] for case in cases],
        [case["affine_scale"] for case in cases],
        maps.shape[-2:],
        convention=convention,
    )
    coords, _ = ops.decode_heatmaps(maps, transform=transform, **PEERS[peer])
    np.testing.assert_allclose(coords, goldens[f"{peer}.image"], rtol=0, atol=1e-3)


@pytest.mark.parametrize("method", ["quarter", "dark", "dark_udp"])
def test_hands_match_the_reference(hands: Any, vector_unit: str, method: str) -> None:
    maps = hands[0][:4]
    got = ops.decode_heatmaps(maps, method=method)
    want, _ = reference.decode_heatmaps(maps, method=method)
    np.testing.assert_allclose(got.coords, want, rtol=1e-6, atol=1e-6)
