"""Search scales of real photos: OpenCV's pixels, and the recorded inputs of the networks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from heatpose import ops


def pixels(array: np.ndarray) -> np.ndarray:
    """Undo the normalisation: the padded uint8 [H', W', 3]."""
    return ((array[0] + 0.5) * 256).transpose(1, 2, 0).astype(np.uint8)


def test_every_search_scale_matches_opencv(shared_data: Path) -> None:
    differing = total = same_files = files = 0
    for record in sorted((shared_data / "body" / "multiscale").glob("*.npz")):
        name = record.stem.removesuffix("_padY")
        photo = cv2.imread(str(shared_data / "body" / "photos" / f"{name}.jpg"))
        with np.load(record) as maps:
            for i in range(len(maps["scale_search"])):
                factor = float(maps[f"multiplier_{i}"])
                array, content = ops.prepare_image(photo, scale=factor)
                assert content == tuple(maps[f"resized_hw_{i}"])
                padded = pixels(array)
                assert padded.shape[:2] == tuple(maps[f"padded_hw_{i}"])

                want = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
                got = padded[: content[0], : content[1]]
                difference = np.abs(got.astype(int) - want)
                assert difference.max() <= 1
                differing += np.count_nonzero(difference)
                total += difference.size

                # The recorded bytes, as far as OpenCV's here are the recorder's: put its pixels
                # into our padding.
                digest = str(maps[f"padded_input_sha256_{i}"])
                same_files += hashlib.sha256(padded.tobytes()).hexdigest() == digest
                files += 1
                padded[: content[0], : content[1]] = want
                if hasattr(cv2, "ipp") and cv2.ipp.useIPP():
                    assert hashlib.sha256(padded.tobytes()).hexdigest() == digest
    print(f"{differing} of {total} values differ by one; {same_files} of {files} inputs identical")
    limit = 2e-5 if hasattr(cv2, "ipp") and cv2.ipp.useIPP() else 0.06
    assert differing <= limit * total
