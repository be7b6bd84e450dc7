"""The numbers of the README and of the pages, written between markers from a file of results.

A marker names what stands behind it, up to its end, on a line or over many:

    <!-- bench: headline -->        the README's table
    <!-- bench: all -->             every case
    <!-- bench: floors -->          ops against bytes and multiply-adds
    <!-- bench: growth -->          exponents
    <!-- bench: photos -->          from photos to drawn people
    <!-- bench: machine -->         what was measured on, and when
    <!-- bench: ms TITLE -->        "0.52 ms"
    <!-- bench: times TITLE | PROGRAM -->   "990x"
    <!-- bench: threads TITLE -->   "1.9x": two threads
    <!-- bench: gain PREFIX -->     "551x to 1998x", over all cases that start so
    ... <!-- /bench -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.results_file import NoSuchCaseError, Results

MARKED = re.compile(r"(<!-- bench: (?P<what>.*?) -->)(?P<text>.*?)(<!-- /bench -->)", re.DOTALL)
# A measured number: a time, a rate, a share of something, or how many times.
MEASURED = re.compile(r"(?<![\w.])\d[\d,.]*(?:x(?![\w])| ?(?:ms|us|µs|GB/s|photos/s|frames/s)\b)")

CLASSIC = "classic"
BODY = "body decode 46x82 -> 1280x720"
# (work, title of the case, the programs beside it and what they are called)
HEADLINE: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("body decode 46x82 -> 1280x720, 5 people", f"{BODY}, 1 scale, 5 people", {CLASSIC: CLASSIC}),
    ("body decode, 50 people", f"{BODY}, 1 scale, 50 people", {CLASSIC: CLASSIC}),
    ("body decode, 4 scales, 5 people", f"{BODY}, 4 scales, 5 people", {CLASSIC: CLASSIC}),
    (
        "body decode as pytorch-openpose has it, 5 people",
        "pytorch_openpose body 46x82 -> 1280x720, 1 scale, 5 people",
        {"the program": "loops"},
    ),
    (
        "hand maps, 4 scales -> 368x368, 21 keypoints",
        "decode_hand_maps 21 keypoints, 4 scales -> 368x368",
        {"SciPy + cv2": "SciPy + OpenCV"},
    ),
    (
        "top-down DARK, 32 x [21, 64, 64]",
        "decode_heatmaps hand 32 x 21 x 64 x 64, float32",
        {"cv2 loop": "one OpenCV call per keypoint", "numpy windows": "vectorised NumPy"},
    ),
    (
        "top-down DARK, 32 x [133, 96, 72]",
        "decode_heatmaps whole body 32 x 133 x 96 x 72, float32",
        {"cv2 loop": "one OpenCV call per keypoint", "numpy windows": "vectorised NumPy"},
    ),
    (
        "resize 57 channels to 1280x720",
        "resize_average 57 channels, 1 scale -> 1280x720, float32",
        {"cv2": "OpenCV", "floor: fill": "only filling the array"},
    ),
    (
        "Gaussian sigma 3, 18 channels of 1280x720",
        "gaussian_smooth 18 channels of 1280x720, sigma 3, float32",
        {"cv2": "OpenCV", "scipy": "SciPy"},
    ),
    (
        "peaks, 18 channels of 1280x720",
        "find_peaks 18 channels of 1280x720, float32",
        {"cv2.dilate": "cv2.dilate"},
    ),
    (
        "64 crops of 288x384 warped and normalised",
        "warp_crops 64 x 384 x 288 upright, float32",
        {"cv2+numpy": "OpenCV + NumPy"},
    ),
    (
        "flip test, 2 x 32 x [133, 96, 72] averaged in place",
        "average_flipped whole body 32 x 133 x 96 x 72, float32, shifted",
        {"torch": "PyTorch", "numpy": "NumPy"},
    ),
    (
        "all around the network, 32 whole bodies (crops, flip test, DARK, back to the photo)",
        "around the network, 32 whole bodies 384x288, with the flip test",
        {"OpenCV + NumPy": "OpenCV + NumPy"},
    ),
    (
        "all around the network, 32 hands",
        "around the network, 32 hands 256x256, with the flip test",
        {"OpenCV + NumPy": "OpenCV + NumPy"},
    ),
)


# --- Numbers for people: two digits, more only before the point.


def number(value: float) -> str:
    """ "0.052", "0.52", "5.2", "52", "517"."""
    for digits, least in ((0, 9.95), (1, 0.995), (2, 0.0995), (3, 0.0)):
        if value >= least:
            return f"{value:.{digits}f}"
    raise ValueError(f"no time or ratio: {value}")


def times(value: float) -> str:
    """ "990x", "1.9x"."""
    return f"{number(value)}x"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """As Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


# --- What a marker can ask for.


def headline(results: Results) -> str:
    """The README's table."""
    rows = []
    for work, title, programs in HEADLINE:
        others = ", ".join(
            f"{name} {number(results.ms(title, program))}" for program, name in programs.items()
        )
        gains = [
            times(results.times(title, program))
            for program in programs
            if not program.startswith("floor")
        ]
        rows.append((work, number(results.ms(title)), others, ", ".join(gains)))
    return table(("work, ms", "heatpose", "beside it", "gain"), rows)


def every_case(results: Results) -> str:
    """All cases but the machine's own."""
    rows = []
    for case in results.cases.values():
        if case.get("machine") or case.get("soak"):
            continue
        others = {**case["same"], **case["beside"]}
        two = case.get("two_threads_ms")
        told = [f"{name} {times(other['ms'] / case['ms'])}" for name, other in others.items()]
        target = case.get("target_ms")
        verdict = f"{target:g} {'met' if case['ms'] <= target else 'missed'}" if target else ""
        row = (case["title"], number(case["ms"]), number(two) if two else "")
        rows.append((*row, ", ".join(told), verdict))
    return table(("work", "ms", "two threads", "the others take", "target"), rows)


def floors(results: Results) -> str:
    """The ops that are held to the memory or to the multiply-adds."""
    rows = []
    for case in results.cases.values():
        floor = results.floor(case)
        if floor is None:
            continue
        moved, memory = case.get("read", 0) + case.get("written", 0), results.memory_floor(case)
        bound = "memory" if memory == floor else "multiply-adds"
        rows.append(
            (
                case["title"],
                number(case["ms"]),
                number(moved / 1e6),
                number(moved / case["ms"] / 1e6),
                f"{100 * memory / case['ms']:.0f} %" if memory else "",
                f"{number(floor)} ({bound})",
                times(case["ms"] / floor),
            )
        )
    head = ("work", "ms", "MB moved", "GB/s", "of the memory's speed", "floor, ms", "floors")
    return table(head, rows)


def growth(results: Results) -> str:
    """Exponents."""
    rows = [
        (
            fit.family,
            fit.axis,
            f"{fit.points[0][0]:,.0f} to {fit.points[-1][0]:,.0f}",
            f"{number(fit.points[0][1])} to {number(fit.points[-1][1])}",
            f"{fit.exponent:.2f}",
            f"{fit.last:.2f}",
        )
        for fit in results.growth()
    ]
    head = ("work", "with", "from", "ms", "exponent", "of the two largest")
    return table(head, rows)


def photos(results: Results) -> str:
    """Photos a second, and the shares of a photo's time."""
    rows = []
    for case in results.cases.values():
        if "shares" not in case:
            continue
        parts = {name: case["beside"][name]["ms"] for name in case["shares"]}
        whole = sum(parts.values())
        shares = [f"{name} {100 * ms / whole:.1f} %" for name, ms in parts.items()]
        two = case.get("two_threads_ms")
        row = (case["title"].partition(", ")[2], number(1e3 / case["ms"]))
        rows.append((*row, number(1e3 / two) if two else "", ", ".join(shares)))
    return table(("network", "photos a second", "two threads", "shares of one thread's"), rows)


def machine_words(told: Mapping[str, Any], versions: Mapping[str, str], date: str) -> str:
    """One line about what was measured on."""
    beside = {"numpy": "NumPy", "opencv-python": "OpenCV", "scipy": "SciPy", "torch": "PyTorch"}
    with_them = [f"{beside[name]} {versions[name]}" for name in beside if name in versions]
    return (
        f"{told['processor']}, {told['cores']} cores, {told['vector_unit']}; Python "
        f"{versions['python']}, heatpose {versions['heatpose']}, {', '.join(with_them)}; {date}"
    )


def machine(results: Results) -> str:
    """One line about what the results were measured on."""
    told = results.told
    return machine_words(told["machine"], told["versions"], told["date"])


def gain(results: Results, prefix: str) -> str:
    """The least and the most that the others take in all cases that start so."""
    gains = [
        other["ms"] / case["ms"]
        for case in results.starting(prefix)
        for name, other in case["same"].items()
        if not name.startswith("heatpose")
    ]
    if not gains:
        raise NoSuchCaseError(f"no other program in the cases that start with {prefix!r}")
    ends = [times(min(gains)), times(max(gains))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def two_threads(results: Results, title: str) -> str:
    """How many times as fast two threads are."""
    case = results.case(title)
    if "two_threads_ms" not in case:
        raise NoSuchCaseError(f"{title!r} was not run on two threads")
    return times(case["ms"] / case["two_threads_ms"])


def ratio(results: Results, words: str) -> str:
    """How many times as long a program takes: "TITLE | PROGRAM"."""
    title, _, program = words.rpartition(" | ")
    return times(results.times(title, program))


TABLES: dict[str, Callable[[Results], str]] = {
    "headline": headline,
    "all": every_case,
    "floors": floors,
    "growth": growth,
    "photos": photos,
}
WORDS: dict[str, Callable[[Results, str], str]] = {
    "gain": gain,
    "ms": lambda results, title: f"{number(results.ms(title))} ms",
    "threads": two_threads,
    "times": ratio,
}


def page(results: Results) -> str:
    """All of it as a page of its own: kept beside the results, for reading."""
    told = results.told["machine"]
    parts = (
        (
            "Medians in milliseconds, one thread; beside it how many times as long others take",
            "all",
        ),
        ("Floors: bytes and multiply-adds at this machine's measured speeds", "floors"),
        ("Growth: time as a power of the work", "growth"),
        ("Photos", "photos"),
    )
    lines = [f"# {told['processor']}, {told['vector_unit']}, {results.told['date']}", ""]
    lines += ["Written by `make bench`; not to be edited.", "", machine(results)]
    for head, what in parts:
        lines += ["", f"## {head}", "", TABLES[what](results)]
    return "\n".join(lines) + "\n"


def written(text: str, results: Results) -> str:
    """The text with what stands between its markers written anew.

    Raises:
        NoSuchCaseError: a marker asks for what the results do not have.
        ValueError: a marker asks for what there is not.
    """

    def replace(found: re.Match[str]) -> str:
        what = found["what"]
        if what in TABLES:
            inside = f"\n{TABLES[what](results)}\n"
        elif what == "machine":
            inside = machine(results)
        else:
            kind, _, rest = what.partition(" ")
            if kind not in WORDS:
                raise ValueError(f"no such marker: {what!r}")
            inside = WORDS[kind](results, rest)
        return found[1] + inside + found[4]

    return MARKED.sub(replace, text)


def loose_numbers(text: str) -> list[str]:
    """Lines of tables with a measured number that no marker vouches for."""
    bare = MARKED.sub("", text)
    rows = [line for line in bare.splitlines() if line.lstrip().startswith("|")]
    return [line for line in rows if MEASURED.search(line)]


def asked_for(text: str) -> list[Any]:
    """What the markers of a text ask for."""
    return [found["what"] for found in MARKED.finditer(text)]
