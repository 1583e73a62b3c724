"""Runs one command and tells what it used: `launch.py FD COMMAND…` writes JSON to the open file FD.

A process of its own, and a small one: Linux counts the peak memory of the parent as the child's, so that the
harness, with a sandbox and its libraries inside, could not tell how little a command needs.
"""

import os
import sys
import time


def main(answer_fd: int, command: list[str]) -> None:
    os.set_inheritable(answer_fd, False)
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    wall_s = time.perf_counter() - start
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    answer = (
        f'{{"code": {os.waitstatus_to_exitcode(status)}, "wall_s": {wall_s}, '
        f'"cpu_s": {usage.ru_utime + usage.ru_stime}, "peak_bytes": {peak_bytes}}}'
    )
    os.write(answer_fd, answer.encode())


main(int(sys.argv[1]), sys.argv[2:])
