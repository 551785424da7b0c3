"""One rival in a process of its own: `python -m bench.worker RIVAL SPEC`, then a JSON command per line and its answer.

A process per rival keeps thread pools, allocators and BLAS libraries apart.
"""

import gc
import json
import os
import sys
import time

import numpy as np

from bench.problem import Spec, make_data, make_inputs
from bench.rivals import RIVALS


def peak_bytes():
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Worker:
    def __init__(self, name, spec):
        self.spec = spec
        started = time.perf_counter()
        rival = RIVALS[name].load()
        self.import_seconds = time.perf_counter() - started
        x, labels = make_data(spec)
        self.memory_before = peak_bytes()
        self.rival = rival(spec, x, labels)
        gc.disable()

    def describe(self):
        return {"versions": self.rival.versions(), "note": self.rival.note(), "import_seconds": self.import_seconds}

    def losses(self, steps, epochs):
        """Mean training losses of short epochs from the initial weights: the first batches in the order of the data."""
        self.rival.start()
        rows = min(steps * self.spec.batch, self.spec.rows)
        return {"losses": [float(self.rival.epoch(rows)) for _ in range(epochs)]}

    def train(self, seconds):
        """Seconds of one epoch: from the initial weights, after one epoch untimed, over as many as the time allows."""
        self.rival.start()
        self.rival.epoch()
        epochs, passed = 0, 0.0
        started = time.perf_counter()
        while passed < seconds:
            self.rival.epoch()
            epochs += 1
            passed = time.perf_counter() - started
        return {"seconds": passed / epochs, "calls": epochs}

    def outputs(self, rows):
        """Probabilities of some rows at the initial weights."""
        self.rival.start()
        out = np.array(self.rival.predict(make_inputs(self.spec, rows, seed=5)), np.float64)
        if self.rival.returns == "logits":
            out = np.exp(out - out.max(axis=1, keepdims=True))
            out /= out.sum(axis=1, keepdims=True)
        return {"probabilities": out.tolist()}

    def predict(self, rows, seconds):
        """Seconds of one call on so many rows, NumPy in and out."""
        x = make_inputs(self.spec, rows, seed=5)
        self.rival.predict(x)
        calls, passed, chunk = 0, 0.0, 1
        started = time.perf_counter()
        while passed < seconds:
            for _ in range(chunk):
                self.rival.predict(x)
            calls += chunk
            chunk = min(2 * chunk, 64)
            passed = time.perf_counter() - started
        return {"seconds": passed / calls, "calls": calls}

    def memory(self):
        """Peak bytes of the process before the rival was made (library and data) and after an epoch."""
        self.rival.start()
        self.rival.epoch()
        return {"before": self.memory_before, "peak": peak_bytes()}


def main():
    name, spec = sys.argv[1], Spec.from_json(sys.argv[2])
    # Answers go where stdout went; whatever a library prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    worker = Worker(name, spec)
    answer(worker.describe())
    for line in sys.stdin:
        command = json.loads(line)
        answer(getattr(worker, command.pop("do"))(**command))


if __name__ == "__main__":
    main()
