"""steepest beside its rivals: `python -m bench` in the root of the checkout; bench/README.md says why it is fair."""
