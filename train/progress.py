"""A progress bar on a terminal; nothing at all elsewhere, so that logs stay readable."""

from __future__ import annotations

import sys
import time


class Progress:
    """with Progress("epoch 1/4", 500) as bar: bar.advance(loss)"""

    WIDTH = 30

    def __init__(self, title: str, total: int, stream=None) -> None:
        self.title, self.total, self.stream = title, max(1, total), sys.stderr if stream is None else stream
        self.done, self.started, self.shown = 0, time.time(), 0.0

    def __enter__(self) -> "Progress":
        return self

    def advance(self, value: float) -> None:
        """One more of `total` is done; `value` is shown beside the bar."""
        self.done += 1
        now = time.time()
        if not self.stream.isatty() or now - self.shown < 0.2:
            return
        self.shown, full = now, int(self.WIDTH * self.done / self.total)
        left = (now - self.started) / self.done * (self.total - self.done)
        self.stream.write(f"\r{self.title} [{'#' * full}{'.' * (self.WIDTH - full)}] {self.done}/{self.total} "
                          f"{value:.4f} {left:.0f} s left ")
        self.stream.flush()

    def __exit__(self, *_: object) -> None:
        if self.stream.isatty():
            self.stream.write("\r" + " " * 100 + "\r")
            self.stream.flush()
