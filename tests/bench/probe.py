# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel says about a process and a core: CPU time and memory, read from /proc."""

import glob
import os
import platform
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads, user and system. In nanoseconds where the kernel has it (schedstat), else in ticks."""
    try:
        total = 0
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(path) as file:
                total += int(file.read().split()[0])
        if total > 0:
            return total / 1e9
    except OSError:
        pass
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_bytes(pid: int) -> dict[str, int]:
    """Pss and Rss: what the process itself holds; sockets and their buffers are the kernel's and not in it."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in ("Pss", "Rss"):
                found[name.lower()] = int(rest.split()[0]) * 1024
    return found


def core_busy_seconds(core: int) -> float:
    """Time in which the core did anything, for whomever (stolen time included)."""
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith(f"cpu{core} "):
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
                return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    return 0.0


def settle(pid: int, limit_s: float = 5.0) -> None:
    """Wait until the process is idle: less than 2 % of a core over 50 ms."""
    deadline = time.monotonic() + limit_s
    last = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(0.05)
        now = cpu_seconds(pid)
        if now - last < 0.001:
            return
        last = now


def first_line(command: list[str]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.partition("\n")[0].strip()


def cpu_model() -> str:
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
