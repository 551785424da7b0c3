"""The command `python -m bench`."""

import argparse
import shlex
import signal
import sys
from pathlib import Path

from bench import report
from bench.rivals import RIVALS
from bench.tables import TABLES
from bench.tables.common import Options
from steepest import _core
from steepest.bench import environment
from steepest.bench.shapes import SHAPES

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"


def names_of(known):
    def parse(text):
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"unknown name in {text!r}; there are {', '.join(known)}")
        return names

    return parse


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="steepest beside NumPy, scikit-learn, PyTorch, JAX and ONNX Runtime."
    )
    parser.add_argument("--tables", type=names_of(TABLES), default=list(TABLES), help=f"of {','.join(TABLES)}")
    parser.add_argument("--shapes", type=names_of(SHAPES), default=list(SHAPES), help=f"of {','.join(SHAPES)}")
    parser.add_argument("--rivals", type=names_of(RIVALS), default=list(RIVALS), help=f"of {','.join(RIVALS)}")
    parser.add_argument("--threads", type=int, default=_core.max_threads(), help="for every library (default: all)")
    parser.add_argument("--seconds", type=float, default=120.0, help="of timing per table (default: 120)")
    parser.add_argument("--quick", action="store_true", help="a look, not a measurement")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON; the Markdown is written beside it")
    return parser


def main(arguments=None):
    given = sys.argv[1:] if arguments is None else arguments
    # Terminated, it must still end its workers, which may be stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = make_parser().parse_args(given)
    if chosen.threads < 1 or chosen.seconds <= 0:
        make_parser().error(f"--threads {chosen.threads} and --seconds {chosen.seconds} must be above 0")
    options = Options(chosen.rivals, chosen.shapes, chosen.threads, chosen.seconds, chosen.quick)
    command = shlex.join(["python", "-m", "bench", *given])
    wrong = []
    for name in chosen.tables:
        about = environment.record(chosen.threads)
        table = TABLES[name](options)
        document = report.read(chosen.output)
        document["tables"][name] = report.to_json(table, about, command)
        # In the order of the command's list, however they came in.
        document["tables"] = {key: document["tables"][key] for key in TABLES if key in document["tables"]}
        report.write(chosen.output, document)
        print(f"\n{table.title}\n\n{report.markdown_table(table.columns, table.rows)}\n")
        print("\n".join(f"- {note}" for note in [*table.notes, *table.wrong]), flush=True)
        wrong += table.wrong
    print(f"\nwritten: {chosen.output} and {chosen.output.with_suffix('.md')}")
    return 1 if wrong else 0
