# SPDX-License-Identifier: BSD-2-Clause
"""Deadlines. A test waits for a condition and says what it saw when the condition never came."""
import os
import time

SLOW = float(os.environ.get("SIPWEIR_TEST_SLOW", "1"))


def seconds(n):
    """A patience of n seconds, longer where the program runs under a sanitizer."""
    return n * SLOW


def until(condition, within=5.0, what="the condition", describe=None):
    """Return the first true value of condition(); fail with what describe() says after the deadline."""
    end = time.monotonic() + seconds(within)
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            seen = f"\n{describe()}" if describe else ""
            raise AssertionError(f"{what} did not come within {seconds(within):g} s{seen}")
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
