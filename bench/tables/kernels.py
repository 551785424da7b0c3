"""Table 4: every kernel beside NumPy and the roof: `steepest bench`, taken over."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.pool import worker_environment
from bench.tables.common import Table, progress
from steepest.bench import report


def measure(options):
    progress("kernels")
    table = Table("Kernels: time per call", ["kernel", "shape", "steepest", "NumPy", "faster", "rate", "of roof"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.json"
        command = [sys.executable, "-m", "steepest", "bench", "--kernels", "--threads", str(options.threads)]
        command += ["--json", str(path), "--quick" if options.quick else "--all"]
        done = subprocess.run(
            command, env=worker_environment(options.threads), capture_output=True, text=True, check=False
        )
        if not path.exists():
            table.wrong.append(f"steepest bench failed: {done.stderr.strip().splitlines()[-1:]}")
            return table
        record = json.loads(path.read_text(encoding="utf-8"))
    roofs = record["machine"]
    table.notes.append(
        f"FMA peak {roofs['fma_peak_flops'] / 1e9:.0f} GFLOP/s, {roofs['threads']} threads; `steepest bench`."
    )
    for result in record["results"]:
        if not result["right"]:
            table.wrong.append(f"{result['name']} {result['shape']}: error {result['error']}")
            continue
        ours, theirs = (result["sides"][side]["median_seconds"] for side in ("steepest", "numpy"))
        rate = (
            f"{result['flops'] / ours / 1e9:.3g} GFLOP/s"
            if result["flops"]
            else f"{result['bytes'] / ours / 1e9:.3g} GB/s"
        )
        roof = f"{100 * result['roof_seconds'] / ours:.0f}%"
        times = [report.duration(ours), report.duration(theirs)]
        table.rows.append([result["name"], result["shape"], *times, f"{theirs / ours:.2f}x", rate, roof])
    table.record.append(record)
    return table
