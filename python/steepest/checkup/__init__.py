"""Look at the data, the network and the first steps of a training, before it is run, and say what to do.

``steepest.checkup`` is this module, and it can be called: ``st.checkup(model, X, y, loss="mse")`` is :func:`checkup`.
It returns a :class:`Report` of :class:`Check` objects. Every check is one function in the file of its family (`data`,
`labels`, `setup`, ...) with the decorator of :mod:`steepest.checkup.registry`; :func:`names` lists them.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from steepest.losses import Loss
from steepest.model import Model, check_model
from steepest.optimizers import Optimizer

from .case import Case
from .registry import CHECKS, Entry, entries, rank
from .report import Check, Report
from .state import fingerprint, untouched_randomness

__all__ = ["Check", "Report", "checkup", "fingerprint", "names"]


def names() -> list[str]:
    """Return the names of all checks, in the order in which they run.

    Examples
    --------
    >>> import steepest as st
    >>> "feature scale" in st.checkup.names()
    True
    """
    return [entry.name for entry in entries()]


def checkup(
    model: Model,
    X: Any,
    y: Any,
    *,
    validation_data: tuple[Any, ...] | None = None,
    loss: str | Loss | dict[str, Any] | None = None,
    optimizer: str | Optimizer | dict[str, Any] | None = None,
    batch_size: int = 32,
    epochs: int | None = None,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | str | None = None,
    augment: Callable[..., Any] | None = None,
    feature_names: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    budget: float = 30.0,
    seed: int = 0,
    **ignored: Any,
) -> Report:
    """Check data, network and settings before training, and say in plain words what is wrong and what to do.

    The arguments are those of `fit`, so that ``st.checkup(model, X, y, **settings)`` looks at what
    ``model.fit(X, y, **settings)`` would do. The model, its optimiser and the global random numbers stay as they are:
    everything is done on copies, and the last check compares a hash of the state before and after.

    Parameters
    ----------
    model : Model
        Built or not, trained or not.
    X : array (N, D)
        Training samples, as for `fit`.
    y : array
        Targets, as for `fit`. What `fit` would refuse is a finding here.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        Compared with the training data.
    loss : str or Loss, optional
        None takes the one of the model's last `fit`, or guesses from the targets.
    optimizer : str or Optimizer, optional
        None takes the one of the last `fit`, or `Adam()`.
    batch_size, epochs, shuffle, sample_weight, class_weight, augment
        As for `fit`.
    feature_names : sequence of str, optional
        How the columns of X are called in the report; None takes the names of a frame, or numbers.
    checks : sequence of str, optional
        Names of the checks to run, of :func:`names`; None runs all.
    budget : float
        Seconds it may take, above 0. Large data are sampled; what finds no time is reported as skipped.
    seed : int
        Of the samples that are drawn.
    **ignored
        The other arguments of `fit`: `validation_split`, `callbacks`, `early_stopping`, `verbose`.

    Returns
    -------
    Report
        `.findings`, causes first; `.checks`; printed it is a text, `.to_html(path)` writes a page.

    Raises
    ------
    ValueError, TypeError
        If the samples do not fit the network, or a setting is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 5))
    >>> y = (X[:, 0] + X[:, 1] > 0).astype(int)
    >>> X[:, 3] *= 1000
    >>> model = st.Sequential([st.layers.Dense(16, "relu"), st.layers.Dense(2)])
    >>> report = st.checkup(model, X, y, loss="softmax_cross_entropy")
    >>> report.findings[0].name, report.findings[0].status
    ('feature scale', 'fail')
    """
    unknown = set(ignored) - {"validation_split", "callbacks", "early_stopping", "verbose"}
    if unknown:
        raise TypeError(f"checkup got an unexpected argument {sorted(unknown)[0]!r}")
    check_model(model)
    chosen = _choose(checks)
    started, before = time.perf_counter(), fingerprint(model, optimizer)
    with untouched_randomness(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = Case(
            model,
            X,
            y,
            {
                "validation_data": validation_data,
                "loss": loss,
                "optimizer": optimizer,
                "batch_size": batch_size,
                "epochs": epochs,
                "shuffle": shuffle,
                "sample_weight": sample_weight,
                "class_weight": class_weight,
                "augment": augment,
                "feature_names": feature_names,
                "budget": budget,
                "seed": seed,
            },
        )
        done = _run(case, chosen)
    if checks is None:
        done.append(_unchanged(before, fingerprint(model, optimizer)))
    findings = rank(done)
    explained = {check.name: check for check in findings}
    ordered = [explained.get(check.name, check) for check in done]
    return Report(_title(case), ordered, findings, time.perf_counter() - started)


def _choose(checks: Sequence[str] | None) -> list[Entry]:
    known = list(entries())
    if checks is None:
        return known
    if isinstance(checks, str):
        raise TypeError(f"checks must be a list of names, got the string {checks!r}")
    for name in checks:
        if name not in CHECKS:
            raise ValueError(f"checks must be of {', '.join(map(repr, CHECKS))}, got {name!r}")
    return [entry for entry in known if entry.name in checks]


def _run(case: Case, chosen: list[Entry]) -> list[Check]:
    done: list[Check] = []
    failed: set[str] = set()
    for entry in chosen:
        started = time.perf_counter()
        missing = [name for name in entry.needs if name in failed]
        if missing:
            verdict = Check("", "skip", f"cannot be told while {missing[0]!r} fails")
        elif case.left <= 0.0:
            verdict = Check("", "skip", f"no time left of {case.budget:g} s: give checkup a larger budget")
        else:
            verdict = _attempt(entry, case)
        if verdict.status == "fail":
            failed.add(entry.name)
        seconds = time.perf_counter() - started
        done.append(replace(verdict, name=entry.name, family=entry.family, seconds=seconds))
    return done


def _attempt(entry: Entry, case: Case) -> Check:
    """Run a check; an error of the user's own code is a finding, any other must not cost the rest of the report."""
    try:
        return entry.run(case)
    except Exception as error:
        own, words = case.has_own_code, f"{type(error).__name__}: {error}"
        if own and case.raised:
            return Check("", "skip", f"code of yours raised {words}")
        case.raised.add(words)
        return Check(
            "",
            "fail" if own else "skip",
            f"{'code of yours' if own else 'the check'} raised {words}",
            "correct the layer, activation, loss or augment function; fit would stop there, too" if own else "",
            "no error",
        )


def _unchanged(before: str, after: str) -> Check:
    same = before == after
    return Check(
        "model unchanged",
        "pass" if same else "fail",
        f"SHA-256 of all state before and after: {before[:12]}" + ("" if same else f", {after[:12]}"),
        "" if same else "code of a layer, loss or callback of yours reached from its copy into the model itself",
        "the same bits",
        family="reproducibility",
    )


def _title(case: Case) -> str:
    model = case.model
    count = sum(array.size for array in model.parameters().values())
    rows, columns = case.x.shape
    guessed = " (guessed from the targets)" if case.guessed else ""
    return (
        f"{type(model).__name__} of {count:,} parameters on {rows:,} x {columns:,} {case.x.dtype}, "
        f"loss {case.loss.kind or type(case.loss).__name__}{guessed}"
    )


class _CallableModule(ModuleType):
    """Lets ``steepest.checkup(...)`` and ``steepest.checkup.names`` both mean what they say."""

    def __call__(self, *args: Any, **kwargs: Any) -> Report:
        return checkup(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
