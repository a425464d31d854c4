"""Compares a run's `histograms/run.hlog` and `.hgrm` files, as other HDR tools read them, with its `verdict.json`.

    python3 check.py RUN [--jar HdrHistogram.jar]

The log is read by Python's `hdrh` package where it can be imported, and by HdrHistogram's own reader where a jar is
given; without either there is nothing to compare with, which is exit code 3. Counts must be equal; quantiles that the
verdict tells, and maxima, must agree to 3 significant digits.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

NEAR = 0.01  # seconds within which two starts are the same


def by_python(log):
    """(tag, start in s, count, {quantile: (ns, ns)}) of each interval, or None without the package.

    hdrh rounds the rank of a quantile to the nearest, and not up: the value lies at that rank or at the next.
    """
    try:
        from hdrh.histogram import HdrHistogram
        from hdrh.log import HistogramLogReader
    except ImportError:
        return None
    reader = HistogramLogReader(str(log), HdrHistogram(1, 86_400 * 10**9, 3))
    rows = []
    base = None
    while (histogram := reader.get_next_interval_histogram()) is not None:
        base = reader.base_time_sec
        count = histogram.get_total_count()
        value = histogram.get_value_at_percentile
        at = {p / 100: (value(p), value(min(100, p + 50 / count))) for p in (50, 90, 99)}
        at[1.0] = (histogram.get_max_value(),) * 2
        rows.append((histogram.get_tag(), histogram.get_start_time_stamp() / 1000 - base, count, at))
    reader.close()
    return rows


def by_java(log, jar):
    source = pathlib.Path(__file__).with_name("ReadLog.java")
    done = subprocess.run(["java", "-cp", jar, str(source), str(log)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"HdrHistogram's reader failed:\n{done.stderr}")
    rows = []
    for line in done.stdout.splitlines():
        tag, start, count, *values = line.split("\t")
        at = {quantile: (int(value),) * 2 for quantile, value in zip((0.5, 0.9, 0.99, 1.0), values, strict=True)}
        rows.append((tag, float(start), int(count), at))
    return rows


def slug(name):
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)[:40]


def expected(run):
    """(tag, start, figure) of every figure of a phase or fault that a log of times holds."""
    verdict = json.loads((run / "verdict.json").read_text())
    plan = json.loads((run / "plan.json").read_text())
    rows = []
    for figure in verdict["figures"]:
        measure = figure["measure"]
        if re.fullmatch(r"t\d\d", measure):
            measure = measure.upper()
        if figure["scope"] == "run" or figure["count"] == 0 or measure in ("herd-share", "attempts-per-watcher", "fetch-rate"):
            continue
        ((kind, index),) = figure["scope"].items()
        if kind == "phase":
            start = plan["phases"][index]["from"]
        else:
            start = next(fault["from"] for fault in verdict["faults"] if fault["fault"] == index)
        group = figure["group"]
        name = measure if group is None else f"{slug(plan['groups'][group]['name'])}.{measure}"
        rows.append((name, start / 1e9, figure))
    return rows


def agrees(found, wanted):
    """To 3 significant digits, within the range found."""
    low, high = found
    return low * (1 - 1 / 1000) - 1 <= wanted <= high * (1 + 1 / 1000) + 1


def compare(who, rows, run):
    wanted = expected(run)
    problems = []
    if len(rows) != len(wanted):
        problems.append(f"{len(rows)} intervals, {len(wanted)} figures")
    compared = 0
    for tag, start, figure in wanted:
        # The log has milliseconds, so a start is a little off whatever it is rounded to.
        same = [(count, at) for name, from_, count, at in rows if name == tag and abs(from_ - start) < NEAR]
        if len(same) > 1:
            problems.append(f"{tag} at {start:.2f} s: {len(same)} intervals have this tag and start")
            continue
        ((count, at),) = same or [(None, {})]
        if count != figure["count"]:
            problems.append(f"{tag} at {start:.2f} s: count {count}, the verdict has {figure['count']}")
            continue
        for quantile, stat in zip((0.5, 0.9, 0.99, None, 1.0), figure["stats"], strict=True):
            if quantile is None or not isinstance(stat, dict) or "time" not in stat:
                continue
            # A series may reach further between two samples than at any of them.
            is_series = figure["measure"] == "staleness" and quantile == 1.0
            value = stat["time"]
            compared += 1
            if not agrees(at[quantile], value) and not (is_series and at[quantile][1] <= value):
                problems.append(f"{tag} at {start:.2f} s: quantile {quantile} is {at[quantile]}, the verdict has {value}")
    print(f"{who}: {len(rows)} intervals, {compared} values compared, {len(problems)} differences")
    return problems


def percentile_texts(run):
    """The `.hgrm` files as plotters read them: each ascends, and ends at its count."""
    problems = []
    files = sorted((run / "histograms").glob("*.hgrm"))
    for file in files:
        rows = [line.split() for line in file.read_text().splitlines() if line and line[0] == " " and "Value" not in line]
        values = [(float(row[0]), float(row[1]), int(row[2])) for row in rows]
        total = int(re.search(r"Total count\s*=\s*(\d+)", file.read_text())[1])
        if not values or values != sorted(values) or values[-1][1] != 1.0 or values[-1][2] != total:
            problems.append(f"{file.name} does not ascend to its {total} samples")
    print(f"percentile texts: {len(files)} read, {len(problems)} wrong")
    return problems


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("run", type=pathlib.Path)
    arguments.add_argument("--jar")
    arguments = arguments.parse_args()
    log = arguments.run / "histograms" / "run.hlog"
    problems = percentile_texts(arguments.run)
    readers = []
    if (rows := by_python(log)) is not None:
        readers.append(("Python hdrh", rows))
    if arguments.jar:
        readers.append(("Java HdrHistogram", by_java(log, arguments.jar)))
    for who, rows in readers:
        problems += compare(who, rows, arguments.run)
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    if not readers:
        print("nothing read the log: neither Python's hdrh nor a jar of HdrHistogram is here")
        sys.exit(3)


main()
