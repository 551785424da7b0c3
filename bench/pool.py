"""The measuring side: workers that are frozen while another one runs, and rounds that take turns."""

import contextlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.rivals import RIVALS
from steepest.bench.environment import thread_variables

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 900  # seconds until a worker counts as lost: a compiling rival on a busy machine is slow


class RivalError(Exception):
    """A worker ended or gave no answer; the message is the last thing it said."""


def worker_environment(threads):
    """The caller's environment with every library set to the same number of threads; NPROC is JAX's variable."""
    return {
        **os.environ,
        **thread_variables(threads),
        "NPROC": str(threads),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }


class Worker:
    """A rival's process. It runs only while it answers: stopped in between, idle threads cost the others nothing."""

    def __init__(self, name, spec):
        self.name, self.label, self.spec = name, RIVALS[name].label, spec
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - see close()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", name, spec.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=worker_environment(spec.threads),
            text=True,
        )
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        try:
            self.about = self.answer()
        except RivalError:
            self.close()
            raise
        self.send("SIGSTOP")

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def send(self, name):
        # Windows has no such signals; idle workers then are only as quiet as their libraries.
        if self.process.poll() is None and hasattr(signal, name):
            self.process.send_signal(getattr(signal, name))

    def answer(self):
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise RivalError(f"no answer in {PATIENCE} s") from None
        if line is None:
            self.errors.seek(0)
            said = [text.strip() for text in self.errors.read().splitlines() if text.strip()]
            raise RivalError(said[-1] if said else f"exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, **command):
        self.send("SIGCONT")
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        self.send("SIGSTOP")
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@dataclass
class Measured:
    """What one rival gave: seconds per call of each round, or why there are none."""

    label: str
    seconds: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    versions: dict = field(default_factory=dict)
    note: str = ""
    failure: str = ""

    @property
    def median(self):
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def spread(self):
        return statistics.median(abs(s - self.median) for s in self.seconds) / self.median

    def to_json(self):
        return {
            "label": self.label,
            "median_seconds": self.median,
            "mad_share": self.spread if self.seconds else None,
            "rounds": self.seconds,
            "losses": self.losses,
            "versions": self.versions,
            "note": self.note,
            "failure": self.failure,
        }


def start_all(names, spec):
    """Start a worker for each name; those that cannot start are only in the second result."""
    workers, measured = {}, {}
    for name in names:
        missing = RIVALS[name].missing()
        measured[name] = Measured(RIVALS[name].label)
        if missing:
            measured[name].failure = f"not installed: {', '.join(missing)}"
            continue
        try:
            workers[name] = Worker(name, spec)
        except RivalError as failure:
            measured[name].failure = str(failure)
            continue
        measured[name].versions = workers[name].about["versions"]
        measured[name].note = workers[name].about["note"]
    return workers, measured


def drop(workers, measured, name, reason):
    measured[name].failure = reason
    workers.pop(name).close()


def rounds(workers, measured, command, budget, least=3, most=21):
    """Ask every worker in turn, the order turning round by round, until the budget (seconds) is spent."""
    started = time.perf_counter()
    # One sample's length: so that the least number of rounds fits, at most half a second.
    sample = min(0.5, budget / (least * max(len(workers), 1)) / 2)
    for done in range(most):
        if done >= least and time.perf_counter() - started > budget:
            break
        names = list(workers)
        turn = done % max(len(names), 1)
        for name in names[turn:] + names[:turn]:
            try:
                measured[name].seconds.append(workers[name].ask(**command, seconds=sample)["seconds"])
            except RivalError as failure:
                drop(workers, measured, name, str(failure))


def close_all(workers):
    for worker in workers.values():
        worker.close()
