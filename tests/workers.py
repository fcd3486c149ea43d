# uMeter - how many processes share the tests
# MIT license; Copyright (c) 2026 The uMeter authors

import os
from pathlib import Path

# What a container may use of the processors: "200000 100000" or "max 100000"; v1: two files.
QUOTAS = ("/sys/fs/cgroup/cpu.max",), (
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")  # fmt: skip
MOST = 16


def quota(files):
    """Processors that these files allow; None: they tell of no limit."""
    try:
        words = " ".join(Path(file).read_text() for file in files).split()
        allowed, period = map(int, words)
    except (OSError, ValueError):  # no such files; the word "max"
        return None
    return max(allowed // period, 1) if allowed > 0 and period > 0 else None


def processors():
    own = getattr(os, "sched_getaffinity", None)
    count = len(own(0)) if own else os.cpu_count() or 1
    return min([count] + [found for found in map(quota, QUOTAS) if found])


def workers():
    """One more than there are processors: half of the time goes in waiting for boards.

    Each has to read all tests first, so that many more than the long tests gain nothing.
    """
    return min(processors() + 1, MOST)
