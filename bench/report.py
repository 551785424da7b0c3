"""Tables as Markdown and as one JSON document; a run replaces the tables it measured and keeps the others."""

import json
import os
from pathlib import Path

FORMAT_VERSION = 1


def markdown_table(columns, rows):
    """Cells padded, so that the source can be read too; numbers to the right."""
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]

    def line(cells):
        padded = [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = [f"{'-' * widths[0]}", *(f"{'-' * (w - 1)}:" for w in widths[1:])]
    return "\n".join([line(columns), f"| {' | '.join(rule)} |", *(line(row) for row in rows)])


def to_json(table, environment, command):
    return {
        "title": table.title,
        "command": command,
        "environment": environment,
        "columns": table.columns,
        "rows": table.rows,
        "notes": table.notes,
        "wrong": table.wrong,
        "record": table.record,
    }


def to_markdown(document):
    parts = ["# Measured results", "", "Written by `python -m bench`; how it is measured: [README](../README.md)."]
    for table in document["tables"].values():
        environment = table["environment"]
        parts += ["", f"## {table['title']}", "", markdown_table(table["columns"], table["rows"]), ""]
        parts += [f"- {note}" for note in [*table["notes"], *table["wrong"]]]
        load = environment["load_average"]
        parts.append(
            f"- `{table['command']}`, {environment['date']}, {environment['cpu']}, {environment['cpus']} CPUs, "
            f"{environment['isa']}, {environment['threads']} threads, load {load[0] if load else '?'} at the start."
        )
    versions = {}
    for table in document["tables"].values():
        for record in table["record"]:
            for rival in record.get("rivals", {}).values():
                versions |= rival["versions"]
    if versions:
        parts += [
            "",
            f"Versions: {', '.join(f'{name} {value}' for name, value in versions.items() if name not in SETTINGS)}.",
        ]
    return "\n".join(parts) + "\n"


SETTINGS = ("threads", "isa", "NPROC")


def read(path):
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {}
    if document.get("format_version") != FORMAT_VERSION:
        document = {"format": "steepest-rivals", "format_version": FORMAT_VERSION, "tables": {}}
    return document


def write(path, document):
    """The JSON document at `path`, the Markdown beside it; each replaced in one piece."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, text in (
        (path, json.dumps(document, indent=1) + "\n"),
        (path.with_suffix(".md"), to_markdown(document)),
    ):
        part = target.with_name(f"{target.name}.part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
