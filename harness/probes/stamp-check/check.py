#!/usr/bin/env python3
"""Our receive stamps beside a packet capture on `lo` of the same segments.

usage: check.py [--limit-us N] -- SHAKEDOWN run SCENARIO --out RUNS [--set …]

Runs the command with a capture beside it (AF_PACKET, so CAP_NET_RAW is needed; the kernel stamps each segment when it is
handed to the receiving side). Then, for each delivery of a measured phase, it looks for the last segment with that item's
and version's content that came before our stamp, and takes the difference. Items must have one watcher each
(`listens: { own: N }`): then item and version name the segment. Kernel stamps are CLOCK_REALTIME and ours are monotonic, so
the clocks are paired all the while.

Exit 0: p99 is below the limit (200 µs). 1: it is not. 3: the run itself has no verdict. 64: too little was found to tell.
69: no capture is allowed here."""
import argparse
import bisect
import ctypes
import datetime
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # nothing is left in the checkout
import history  # noqa: E402

SO_TIMESTAMPNS = 35
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_STATISTICS = 6
ETH_P_IP = 0x0800
# Content of ours, as a segment holds it.
CONTENT = re.compile(rb"shakedown/1 run=([0-9a-f]{16}) item=(\d+) version=(\d+) ")
# What was captured is taken out of the socket this often.
DRAIN_SECONDS = 0.25
# Clocks are paired this often, and a pairing that took longer than this is taken again.
PAIR_SECONDS = 0.2
PAIR_NS = 5_000
# A segment may seem this much later than our stamp of it, for the pairing's error.
EARLY_NS = 50_000
# A 99th percentile needs ten samples beyond it.
FEWEST = 1_000


def capture_socket():
    """A socket that sees what arrives on `lo`: TCP segments with more than a few bytes in them, cut at 4 KiB."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    # IP's total length above 180 is kept: an acknowledgement alone is not.
    program = [(0x28, 0, 0, 2), (0x25, 0, 1, 180), (0x06, 0, 0, 4096), (0x06, 0, 0, 0)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 512 << 20)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind(("lo", ETH_P_IP))
    sock.setblocking(False)
    return sock


class Clocks:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC over time, in nanoseconds."""

    def __init__(self):
        self.at = []
        self.difference = []
        self.widest = 0
        self.pair()

    def pair(self):
        best = None
        for _ in range(20):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            real = time.clock_gettime_ns(time.CLOCK_REALTIME)
            width = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - before
            if best is None or width < best[0]:
                best = (width, real, before)
            if width <= PAIR_NS:
                break
        width, real, before = best
        self.widest = max(self.widest, width)
        self.at.append(real)
        self.difference.append(real - before - width // 2)

    def monotonic(self, real):
        """The monotonic instant of a real one, between the pairings around it."""
        n = min(max(bisect.bisect(self.at, real), 1), len(self.at) - 1) if len(self.at) > 1 else 0
        if n == 0:
            return real - self.difference[0]
        begin, end = self.at[n - 1], self.at[n]
        share = min(max((real - begin) / (end - begin), 0), 1)
        return real - round(self.difference[n - 1] + share * (self.difference[n] - self.difference[n - 1]))


class Capture(threading.Thread):
    """Keeps (real stamp, run, item, version) of every segment with content of ours."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock = sock
        self.seen = []
        self.is_over = False

    def run(self):
        # It must not delay what it measures: what it is late for waits in the socket, with its stamp on it. So it runs
        # only when nobody else wants the processor, and comes seldom.
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
        while True:
            try:
                data, extra, _, _ = self.sock.recvmsg(4096, 64)
            except BlockingIOError:
                if self.is_over:
                    return
                time.sleep(DRAIN_SECONDS)
                continue
            found = CONTENT.search(data)
            if found:
                seconds, nanos = struct.unpack("qq", extra[0][2])
                run, item, version = found.groups()
                self.seen.append((seconds * 1_000_000_000 + nanos, run, int(item), int(version)))

    def lost(self):
        """Segments that the kernel had no room for."""
        return struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]


def run_with_capture(command):
    try:
        capture = Capture(capture_socket())
    except PermissionError as error:
        print(f"stamp-check: no capture on lo: {error}; CAP_NET_RAW is needed")
        sys.exit(69)
    clocks = Clocks()
    capture.start()
    child = subprocess.Popen(command)
    while child.poll() is None:
        time.sleep(PAIR_SECONDS)
        clocks.pair()
    clocks.pair()
    capture.is_over = True
    capture.join()
    return child.returncode, capture, clocks


def measured(plan):
    """From the first to the last measured instant."""
    phases = [phase for phase in plan["phases"] if phase["is_measured"]]
    return phases[0]["from"], phases[-1]["until"]


def differences(run, capture, clocks):
    """Our stamp minus the capture's, in nanoseconds, of each delivery; and how many deliveries had no segment."""
    manifest = json.loads((run / "manifest.json").read_text())
    plan = json.loads((run / "plan.json").read_text())
    begin, end = measured(plan)
    # `…Z` with microseconds; Python 3.10 and older do not read the Z.
    started = datetime.datetime.fromisoformat(manifest["started"].replace("Z", "+00:00"))
    since = started - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    real = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    zero = clocks.monotonic(real)
    own = f"{manifest['run_id']:016x}".encode()
    segments = {}
    for stamp, of_run, item, version in capture.seen:
        if of_run == own:
            segments.setdefault((item, version), []).append(clocks.monotonic(stamp) - zero)
    found, missing, owners = [], 0, {}
    for at, watcher, item, version in history.deliveries(run / "history.bin"):
        if owners.setdefault(item, watcher) != watcher:
            sys.exit(f"stamp-check: item {item} has several watchers, so its segments cannot be told apart")
        if not begin <= at < end:
            continue
        before = [stamp for stamp in segments.get((item, version), []) if stamp <= at + EARLY_NS]
        if before:
            found.append(at - max(before))
        else:
            missing += 1
    return sorted(found), missing


def main():
    parser = argparse.ArgumentParser(description="our receive stamps beside a packet capture")
    parser.add_argument("--limit-us", type=float, default=200)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if "--out" not in command:
        parser.error("give the command of a run, with --out")
    runs = pathlib.Path(command[command.index("--out") + 1])
    before = set(runs.glob("*/")) if runs.exists() else set()
    code, capture, clocks = run_with_capture(command)
    if code != 0:
        print(f"stamp-check: the run ended with exit {code}, so its stamps prove nothing")
        return 3 if code == 3 else 64
    run = max(set(runs.glob("*/")) - before, key=lambda path: path.stat().st_mtime)
    found, missing = differences(run, capture, clocks)
    lost = capture.lost()
    if len(found) < FEWEST or missing * 100 > len(found) or lost:
        print(f"stamp-check: {len(found)} deliveries with their segment, {missing} without, {lost} segments lost; "
              f"at least {FEWEST} and none lost are needed")
        return 64
    at = lambda share: found[min(int(share * len(found)), len(found) - 1)] / 1000
    is_close = at(0.99) < arguments.limit_us
    print(f"stamp-check: our receive stamp minus the capture's, of {len(found)} deliveries: p50 {at(0.5):.0f}, p90 {at(0.9):.0f}, "
          f"p99 {at(0.99):.0f}, p99.9 {at(0.999):.0f}, max {found[-1] / 1000:.0f} µs, least {found[0] / 1000:.0f}; clocks paired to "
          f"{clocks.widest / 1000:.1f} µs; {missing} without a segment; the limit for p99 is {arguments.limit_us:.0f}")
    return 0 if is_close else 1


if __name__ == "__main__":
    sys.exit(main())
