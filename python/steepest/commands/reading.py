"""Tables from files: everything that can be wrong with one is found here, and said in one line."""

from __future__ import annotations

import argparse
import csv
import difflib
import importlib
import io
import os
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from steepest.commands.arguments import positive
from steepest.tables.columns import MISSING

# Rows at a time where a file is not read as a whole.
CHUNK = 50_000
# Bytes that are looked at in a few places of a file before it is read.
_LOOK = 1 << 16
# Bytes that are unpacked of a compressed file to know how large it is.
_SAMPLE = 1 << 24
# Memory that reading and preparing takes, in bytes per byte of the file.
_CSV_FACTOR, _PARQUET_FACTOR = 4, 6
_DELIMITERS = {",": "','", ";": "';'", "\t": "'\\t'", "|": "'|'"}
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}  # and the module of Python that reads it
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel file: save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: end its name in .gz",
    b"\xd0\xcf\x11\xe0": "an old Excel file: save the sheet as CSV",
    b"PAR1": "a Parquet file: end its name in .parquet",
    b"\xff\xfe": "UTF-16 text: give --encoding utf-16",
    b"\xfe\xff": "UTF-16 text: give --encoding utf-16",
}


class FileError(ValueError):
    """Something is wrong with a file; the message names it."""


@dataclass(frozen=True)
class Form:
    """How a CSV file is written.

    Attributes
    ----------
    delimiter : str or None
        None: the tabulator for files that end in `.tsv`, else the comma.
    encoding : str
    decimal : str
        The sign before the decimals.
    missing : tuple of str
        What stands for a missing value, beside the usual marks.
    thousands : str or None
        The sign between thousands.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = field(default=())
    thousands: str | None = None

    @property
    def marks(self) -> tuple[str, ...]:
        """Everything that stands for a missing value."""
        return (*MISSING, *self.missing)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how a CSV file is written."""
    group = parser.add_argument_group("how the CSV file is written")
    group.add_argument("--delimiter", metavar="SIGN", help="between the columns (default: comma, in .tsv tabulator)")
    group.add_argument("--encoding", default="utf-8", help="of the text (default: utf-8)")
    group.add_argument("--decimal", default=".", metavar="SIGN", help="before the decimals (default: point)")
    group.add_argument("--thousands", metavar="SIGN", help="between thousands, as the comma of 1,234 (default: none)")
    group.add_argument(
        "--missing", action="append", default=[], metavar="TEXT", help="stands for a missing value, too; repeatable"
    )


def add_rows(parser: argparse.ArgumentParser) -> None:
    """Add the argument that limits how much of the file is read."""
    parser.add_argument("--rows", type=positive, metavar="N", help="use the first N rows only")


def form_of(options: argparse.Namespace) -> Form:
    """Return the form that the arguments say."""
    delimiter = {"\\t": "\t", "tab": "\t"}.get(options.delimiter, options.delimiter)
    for name, sign in (
        ("--delimiter", delimiter),
        ("--decimal", options.decimal),
        ("--thousands", options.thousands),
    ):
        if sign is not None and len(sign) != 1:
            raise FileError(f"{name} must be one sign, got {sign!r}")
    if options.thousands == options.decimal:
        raise FileError(f"--thousands and --decimal are both {options.decimal!r}")
    try:
        "".encode(options.encoding)
    except LookupError:
        raise FileError(f"--encoding: there is no encoding {options.encoding!r}") from None
    return Form(delimiter, options.encoding, options.decimal, tuple(options.missing), options.thousands)


def import_pandas() -> Any:
    """Return pandas, or raise what says how to get it."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("tables are read with pandas: pip install steepest[frames]") from error
    return pandas


def read_table(path: str, form: Form, rows: int | None = None) -> Any:
    """Return the file as a frame of pandas.

    Parameters
    ----------
    path : str
        Parquet if it ends in `.parquet`, else CSV, which may be compressed (`.csv.gz`).
    form : Form
        Of a CSV file.
    rows : int, optional
        Only so many; without it, a file that memory cannot hold is refused.

    Raises
    ------
    FileError
        If the file is no such table.
    """
    frames = list(_read(path, form, rows, None))
    return frames[0] if len(frames) == 1 else import_pandas().concat(frames, ignore_index=True)


def read_chunks(path: str, form: Form) -> Iterator[Any]:
    """Yield the file as frames of pandas of at most CHUNK rows, so that any size will do."""
    return _read(path, form, None, CHUNK)


def _read(path: str, form: Form, rows: int | None, chunk: int | None) -> Iterator[Any]:
    _check_place(path)
    pandas = import_pandas()
    if path.lower().endswith((".parquet", ".pq")):
        yield from _read_parquet(path, rows, chunk)
        return
    if rows is None and chunk is None:
        size = unpacked_size(path)
        _check_memory(path, size * _CSV_FACTOR, size)
    _check_text(path, form)
    delimiter = delimiter_of(path, form)
    names = _check_header(path, form, delimiter)
    options: dict[str, Any] = {
        "sep": delimiter,
        "encoding": _encoding(form),
        "decimal": form.decimal,
        "thousands": form.thousands,
        "skipinitialspace": True,
        "index_col": False,
        "keep_default_na": False,
        "na_values": list(form.marks),
        "low_memory": False,
        "nrows": rows,
        "names": names,
        "header": 0,
    }
    count = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            if chunk is None:
                yield (frame := pandas.read_csv(path, **options))
                count = len(frame)
            else:
                with pandas.read_csv(path, chunksize=chunk, **options) as reader:
                    for frame in reader:
                        yield frame
                        count += len(frame)
    except UnicodeError as error:
        raise _not_this_encoding(path, form, error) from None
    except (pandas.errors.ParserError, pandas.errors.ParserWarning, csv.Error, *_damages(path)) as error:
        raise FileError(f"{path} is no proper CSV file: {_plain(error)}") from None
    if not count:
        raise FileError(f"{path} has a header line and no rows")


def _read_parquet(path: str, rows: int | None, chunk: int | None) -> Iterator[Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("Parquet files are read with pyarrow: pip install steepest[frames]") from error
    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise FileError(f"{path} is no Parquet file, or is damaged: {_plain(error)}") from None
    with file:
        if not file.metadata.num_rows:
            raise FileError(f"{path} has no rows")
        if rows is None and chunk is None:
            groups = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
            _check_memory(path, size * _PARQUET_FACTOR)
        _check_names(path, file.schema_arrow.names)
        left = rows if rows is not None else file.metadata.num_rows
        try:
            for batch in file.iter_batches(batch_size=min(chunk or left, left)):
                if left > 0:
                    yield batch.slice(0, left).to_pandas()
                    left -= len(batch)
        except (pyarrow.ArrowException, OSError) as error:
            raise FileError(f"{path} is damaged: {_plain(error)}") from None


# --------------------------------------------------------------------------------------------------------------- checks
def _check_place(path: str) -> None:
    if not os.path.exists(path):
        raise FileError(f"there is no file {path}")
    if os.path.isdir(path):
        raise FileError(f"{path} is a directory, not a table")
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    if not os.path.getsize(path):
        raise FileError(f"{path} is empty")


def _check_text(path: str, form: Form) -> None:
    """Refuse what is no text, by its signature and by zero bytes in a few places."""
    if path.lower().endswith(tuple(_COMPRESSED)) or form.encoding.lower().replace("_", "-").startswith(
        ("utf-16", "utf-32")
    ):
        return
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        for place in (0, size // 2, max(0, size - _LOOK)):
            file.seek(place)
            content = file.read(_LOOK)
            if place == 0:
                for signature, meaning in _SIGNATURES.items():
                    if content.startswith(signature):
                        raise FileError(f"{path} is {meaning}")
            zero = content.find(b"\0")
            if zero >= 0:
                raise FileError(f"{path} is no text file: byte {place + zero:,} is zero")


def _unpacker(path: str) -> Any:
    """Return the module of Python that reads such a compressed file; None if the name says that it is none."""
    found = [module for ending, module in _COMPRESSED.items() if path.lower().endswith(ending)]
    return importlib.import_module(found[0]) if found else None


def _damages(path: str) -> tuple[type[Exception], ...]:
    """Return the errors by which a damaged compressed file makes itself known; none for another file."""
    module = _unpacker(path)
    return () if module is None else (OSError, EOFError, zlib.error, getattr(module, "LZMAError", OSError))


class _Sips(io.FileIO):
    """A file of which little is read at a time: gzip takes 128 KiB since Python 3.12, which may be 100 MB unpacked."""

    most = 8192

    def read(self, size: int | None = None) -> Any:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def unpacked_size(path: str) -> int:
    """Return the bytes of a CSV file; of a compressed one what its beginning, unpacked, lets expect of the whole."""
    packed = os.path.getsize(path)
    module = _unpacker(path)
    if module is None:
        return packed
    size = 0
    try:
        with _Sips(path) as raw, module.open(raw) as file:
            raw.most = min(4096, packed // 64) if packed > raw.most else raw.most
            # Once all packed bytes are in the reader's hands they say nothing more about the share that is unpacked.
            while size < _SAMPLE or raw.tell() == packed:
                if not (part := file.read(_LOOK)):
                    return size
                size += len(part)
            return int(size * packed / raw.tell())
    except _damages(path):  # which is said where it is read
        return packed


def _check_memory(path: str, needed: int, unpacked: int | None = None) -> None:
    free = available_memory()
    if free is not None and needed > free:
        size = os.path.getsize(path)
        more = f", unpacked about {unpacked / 1e9:.1f} GB" if unpacked not in (None, size) else ""
        raise FileError(
            f"{path} has {size / 1e9:.1f} GB{more}, which takes about {needed / 1e9:.0f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free: give --rows N to use its first N rows"
        )


def available_memory() -> int | None:
    """Return the bytes of memory that are free for this process, or None where the system does not say."""
    free = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        free += [int(limit) - int(used)] if limit.isdecimal() else []
    except (OSError, ValueError, IndexError):
        pass
    return min(free, default=None)


def _encoding(form: Form) -> str:
    return "utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding


def _not_this_encoding(path: str, form: Form, error: UnicodeError) -> FileError:
    where = ""
    if isinstance(error, UnicodeDecodeError):
        where = f" (byte 0x{error.object[error.start]:02x})"
    other = "latin-1" if form.encoding.lower().startswith("utf") else "utf-8"
    return FileError(f"{path} is no text in {form.encoding}{where}: give --encoding, for instance {other}")


def delimiter_of(path: str, form: Form) -> str:
    """Return the sign between the columns."""
    if form.delimiter is not None:
        return form.delimiter
    name = path.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return "\t" if name.endswith((".tsv", ".tab")) else ","


def open_text(path: str, form: Form) -> IO[str]:
    """Return the file, compressed or not, as text with its own ends of lines."""
    module = _unpacker(path)
    opener = open if module is None else module.open
    handle: IO[str] = opener(path, "rt", encoding=_encoding(form), newline="")
    return handle


def _check_header(path: str, form: Form, delimiter: str) -> list[str]:
    """Return the names of the columns after a look at the first lines."""
    broken: tuple[type[Exception], ...] = (csv.Error, OSError, ValueError, *_damages(path))
    try:
        with open_text(path, form) as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            rows = [(reader.line_num, row) for row, _ in zip(reader, range(20), strict=False) if row]
    except UnicodeError as error:
        raise _not_this_encoding(path, form, error) from None
    except broken as error:
        raise FileError(f"{path} is no proper CSV file: {_plain(error)}") from None
    if not rows:
        raise FileError(f"{path} has nothing but empty lines")
    names = [name.strip() for name in rows[0][1]]
    if len(names) == 1:
        counts = {sign: names[0].count(sign) for sign in _DELIMITERS if sign != delimiter}
        other = max(counts, key=lambda sign: counts[sign])
        if counts[other]:
            raise FileError(
                f"{path} has one column where {_DELIMITERS.get(delimiter, repr(delimiter))} is the delimiter: "
                f"give --delimiter {_DELIMITERS[other]}, which makes {counts[other] + 1} columns of it"
            )
    for number, row in rows[1:]:
        if len(row) != len(names):
            hint = ": is a quote not closed?" if any("\n" in value for value in row) else ""
            raise FileError(f"line {number} of {path} has {len(row)} fields, its header has {len(names)}{hint}")
    _check_names(path, names)
    return names


def _check_names(path: str, names: list[str]) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        what = f"columns named {doubled[0]!r}" if doubled[0] else "columns without a name"
        raise FileError(f"{path} has {names.count(doubled[0])} {what}: every column needs a name of its own")


def _plain(error: BaseException) -> str:
    """Return the message in one line without the parser's own prefixes."""
    text = " ".join(str(error).split())
    return text.removeprefix("Error tokenizing data. ").removeprefix("C error: ").rstrip(".")


def no_column(path: str, name: str, names: list[str]) -> str:
    """Return what to say where the table lacks a column."""
    alike = [other for other in names if other.lower() == name.lower()]
    close = alike or difflib.get_close_matches(name, names, n=1)
    if close:
        return f"{path} has no column {name!r}; did you mean {close[0]!r}?"
    shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{path} has no column {name!r}, it has {shown}"
