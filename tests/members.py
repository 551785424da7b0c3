"""Every registered class of every family, and an object of each: what the common tests run over.

A class that is registered tomorrow is found by itself. Only if its constructor demands an argument of a new name, that
name needs a value here.
"""

import inspect

import numpy as np

import steepest as st
from steepest import registry

FAMILIES = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]
# Arguments that have no default, by name.
REQUIRED = {
    "units": 3,
    "activation": "tanh",
    "rate": 0.25,
    "sigma": 0.5,
    "pieces": 2,
    "categories": 5,
    "layers": [{"kind": "dense", "units": 3}],
    "groups": {"first": (0, {"kind": "embedding", "categories": 4, "units": 2}), "others": ([1, 2], None)},
    "learning_rate": 0.125,
    "steps": 7,
    "every": 3,
    "decay": 0.5,
    "boundaries": [2, 5],
    "rates": [0.5, 0.25, 0.125],
    "after": {"kind": "constant", "learning_rate": 0.25},
    "values": [0.5, 0.25],
}
# Of one class only.
PARTICULAR = {
    "residual": {"layers": [{"kind": "dense", "units": 4, "activation": "tanh"}]},
    "pipeline": {"steps": ["standardizer", "pca"]},
}
MEMBERS = [(family, cls) for family in FAMILIES for cls in family if not cls.kind.startswith("test_")]


def members_of(family):
    return [cls for cls in family if not cls.kind.startswith("test_")]


def name_of(member):
    """For pytest: `activation-relu`."""
    if isinstance(member, registry.Registry):
        return member.family.replace(" ", "_")
    return member.kind if inspect.isclass(member) else None


def make(cls, **arguments):
    """Return an object of the class, with values for what it demands."""
    demanded = [n for n, default in cls.arguments().items() if default is inspect.Parameter.empty]
    known = {**REQUIRED, **PARTICULAR.get(cls.kind, {})}
    missing = [name for name in demanded if name not in known and name not in arguments]
    assert not missing, f"tests/members.py needs values for {missing} of {cls.__name__}"
    return cls(**{**{name: known[name] for name in demanded}, **arguments})


def table(rng, rows, dtype="float64"):
    """Samples of four columns, the first of which holds categories 0..3."""
    x = rng.normal(size=(rows, 4))
    x[:, 0] = rng.integers(4, size=rows)
    return x.astype(dtype)


def takes(layer_class):
    """Return how many of the table's columns the layer accepts: all of them, or the first one alone."""
    for columns in (4, 1):
        try:
            st.Sequential([make(layer_class), st.layers.Dense(2)], input_shape=columns)
        except (TypeError, ValueError) as error:
            reason = error
        else:
            return columns
    raise AssertionError(f"{layer_class.__name__} takes neither four columns nor one: {reason}")


def reads_categories(model):
    return any(op.kind == "embedding" for op in model.network.program.operations)


def targets_of(loss, rng, rows, outputs):
    """Return targets that the loss accepts: labels, or zeros and ones, or counts, or any numbers."""
    candidates = [
        rng.integers(outputs, size=rows),
        rng.integers(2, size=(rows, outputs)).astype(float),
        rng.choice([-1.0, 1.0], size=(rows, outputs)),
        rng.normal(size=(rows, outputs)),
    ]
    for y in candidates:
        try:
            loss.check_targets(y, rows, outputs)
        except (TypeError, ValueError):
            continue
        return y
    raise AssertionError(f"{loss!r} takes none of the usual targets")


def same(a, b):
    np.testing.assert_array_equal(a, b)
