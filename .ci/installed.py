"""What is installed is what is imported, and a wheel of it stays within 1.5 MB."""

import importlib.metadata
import io
import sys
import zipfile

import steepest

MOST = 1_500_000
MADE = ("INSTALLER", "REQUESTED", "direct_url.json")

print(steepest.__file__)
if "site-packages" not in steepest.__file__:
    sys.exit("the tests would not have run the installed package")
wheel = io.BytesIO()
with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
    for file in importlib.metadata.files("steepest") or []:
        # What only the installation makes is left out, and its lines in the record.
        if file.parts[0].startswith("steepest") and file.suffix != ".pyc" and file.name not in MADE:
            kept = file.locate().read_bytes().splitlines(keepends=True)
            if file.name == "RECORD":
                kept = [line for line in kept if b".pyc," not in line]
            archive.writestr(str(file), b"".join(kept))
print(f"a wheel of {wheel.tell():,} bytes, at most {MOST:,}")
sys.exit(wheel.tell() > MOST)
