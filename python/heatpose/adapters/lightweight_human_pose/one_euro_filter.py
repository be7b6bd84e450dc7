"""``modules.one_euro_filter``: less jitter at rest, less lag in motion.

Source: Casiez, Roussel and Vogel, 1 EURO Filter, CHI 2012.
"""

from __future__ import annotations

from heatpose.video.one_euro import one_euro_step


class OneEuroFilter:
    """Smooths one number that comes again and again.

    Args:
        freq: Values a second.
        mincutoff: Cutoff frequency at rest, in hertz: lower for less jitter.
        beta: How fast the cutoff grows with speed: higher for less lag.
        dcutoff: Cutoff frequency of the speed, in hertz.

    Raises:
        ValueError: freq, mincutoff or dcutoff is not above 0.
    """

    def __init__(
        self, freq: float = 15, mincutoff: float = 1, beta: float = 0.05, dcutoff: float = 1
    ) -> None:
        for name, value in (("freq", freq), ("mincutoff", mincutoff), ("dcutoff", dcutoff)):
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        self.freq, self.mincutoff, self.beta, self.dcutoff = freq, mincutoff, beta, dcutoff
        self._last: float | None = None
        self._speed = 0.0
        self._value = 0.0

    def __call__(self, x: float) -> float:
        """The smoothed value; the first one as it is."""
        if self._last is None:
            self._last = self._value = x
            return x
        self._value, self._speed = one_euro_step(
            x,
            self._last,
            self._speed,
            self._value,
            self.freq,
            mincutoff=self.mincutoff,
            beta=self.beta,
            dcutoff=self.dcutoff,
        )
        self._last = x
        return self._value
