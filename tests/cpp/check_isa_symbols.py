"""Fail when a unit of an instruction set emits a symbol that the linker may share with other units.

The linker keeps one copy of every weak symbol (an inline function, a template's instance). If the AVX-512 unit emits,
say, a ``std::vector<int>::push_back`` of its own, that copy may be the one every other file calls, and the program dies
on a machine without AVX-512. A weak symbol is safe only if its name contains the unit's own namespace.

    check_isa_symbols.py NM LIBRARY
"""

import re
import subprocess
import sys

# The reference to the exception personality is a pointer, not code.
HARMLESS = ("DW.ref.__gxx_personality_v0",)


def shared_symbols(listing: str) -> dict[str, list[str]]:
    """Weak symbols outside the unit's namespace, by member of the library, from the output of ``nm -C``."""
    leaks: dict[str, list[str]] = {}
    isa = None
    for line in listing.splitlines():
        member = re.fullmatch(r"(\S+\.(?:o|obj)):", line)
        if member:
            unit = re.match(r"isa_(\w+?)\.", member[1])
            isa = unit[1] if unit and unit[1] != "scalar" else None
            if isa:
                leaks[isa] = []
            continue
        symbol = re.match(r"[0-9a-f]+ ([WVu]) (.*)", line)
        if isa and symbol and f"steepest::{isa}::" not in symbol[2] and symbol[2] not in HARMLESS:
            leaks[isa].append(symbol[2])
    return leaks


def main() -> int:
    """Run nm and report."""
    nm, library = sys.argv[1:]
    listing = subprocess.run([nm, "-C", library], check=True, capture_output=True, text=True).stdout
    leaks = shared_symbols(listing)
    for isa, symbols in leaks.items():
        print(f"isa_{isa}: {len(symbols)} shared weak symbols")
        for symbol in symbols:
            print(f"    {symbol}")
    if not leaks:
        print("no unit of an instruction set in the library")
    return int(any(leaks.values()))


if __name__ == "__main__":
    sys.exit(main())
