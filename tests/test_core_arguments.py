"""The core trusts nobody: malformed programs and arguments are refused by name, and nothing is written."""

import numpy as np
import pytest

import steepest as st
from steepest import _core

NETWORKS = {"float32": _core.Network32, "float64": _core.Network64}
X, Y, LABELS = np.ones((5, 3)), np.ones((5, 2)), np.array([0, 1, 0, 1, 1], dtype=np.int32)


def parameter(name, *shape, **more):
    return {"name": name, "shape": shape, "l2": 0.0, "decay": False, "trainable": True, **more}


def dense(layer, source, output, numbers, **attributes):
    return {
        "kind": "dense",
        "layer": layer,
        "inputs": [source],
        "output": output,
        "parameters": numbers,
        "states": [],
        "attributes": {"activation": "identity", "alpha": 0.0, **attributes},
    }


def program(**changes):
    return {
        "values": [3, 4, 2],
        "parameters": [parameter("a.weight", 3, 4), parameter("a.bias", 4), parameter("b.weight", 4, 2)],
        "states": [],
        "operations": [dense("a", 0, 1, [0, 1]), dense("b", 1, 2, [2])],
        "output": 2,
        **changes,
    }


def other_first(**changes):
    first, second = program()["operations"]
    return [{**first, **changes}, second]


SQUARE = {"values": [3, 3, 3], "parameters": [parameter("a.weight", 3, 3)]}
PROGRAMS = {
    "no values": ({"values": []}, "'values' is empty"),
    "width of zero": ({"values": [3, 0, 2]}, "has width 0; 1 to"),
    "width beyond all memory": ({"values": [3, 2**60, 2]}, "has width 1152921504606846976; 1 to 2147483648"),
    "size that would overflow": (
        {"parameters": [parameter("w", 2**31, 2**31)]},
        "'w' has 4611686018427387904 elements",
    ),
    "dimension that would overflow": ({"parameters": [parameter("w", 2**62, 4)]}, "'w' has a dimension of"),
    "three dimensions": ({"parameters": [parameter("w", 1, 2, 3)]}, "'w' has 3 dimensions; 1 or 2"),
    "penalty of NaN": ({"parameters": [parameter("w", 3, 4, l2=np.nan)]}, "'w' has a penalty below zero or NaN"),
    "penalty below zero": ({"parameters": [parameter("w", 3, 4, l2=-1.0)]}, "'w' has a penalty below zero"),
    "unknown value": ({"operations": other_first(inputs=[7])}, "of layer 'a' reads value 7 before it is written"),
    "value read before written": ({"operations": other_first(inputs=[1])}, "reads value 1 before it is written"),
    "no inputs": ({"operations": other_first(inputs=[])}, "of layer 'a' has no inputs"),
    "value written twice": ({"operations": other_first(output=0)}, "writes value 0, which is unknown or written"),
    "output never written": ({"output": 9}, "output value 9 is never written"),
    "negative output": ({"output": -1}, "output value -1 is never written"),
    "unknown parameter": ({"operations": other_first(parameters=[0, 9])}, "unknown parameter number 9"),
    "shared parameter": (
        {**SQUARE, "operations": [dense("a", 0, 1, [0]), dense("b", 1, 2, [0])]},
        "'a.weight' belongs to two operations",
    ),
    "wrong shape": ({"values": [3, 5, 2]}, r"'a.weight' has shape \(3, 4\), layer 'a' needs \(3, 5\)"),
    "unknown activation": (
        {"operations": other_first(attributes={"activation": "wave", "alpha": 0.0})},
        "'wave' is unknown",
    ),
    "missing attribute": ({"operations": other_first(attributes={})}, "of layer 'a' lacks the word 'activation'"),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_bad_program(network, name):
    changes, message = PROGRAMS[name]
    with pytest.raises(ValueError, match=message):
        network(program(**changes))


def test_good_program():
    assert _core.Network64(program()).parameter(0).shape == (3, 4)
    with pytest.raises(ValueError, match="lacks the key 'values'"):
        _core.Network64({})


# ---------------------------------------------------------------------------------------------------------------- calls
def make():
    network = _core.Network64(program())
    rng = np.random.default_rng(0)
    for i in range(3):
        view = network.parameter(i)
        view[...] = rng.normal(size=view.shape)
    return network


def train(network, **changes):
    arguments = {
        "x": X,
        "y": Y,
        "sample_weight": None,
        "order": np.arange(5),
        "learning_rates": np.full(3, 0.1),
        "batch_size": 2,
        "loss": {"kind": "mse"},
        "optimizer": st.optimizers.Adam().to_core(),
        "slots": [np.zeros_like(network.parameter_arena) for _ in range(2)],
        "optimizer_step": 0,
        "step": 0,
        "seed": 0,
        "threads": 1,
        "budget": 10.0,
    }
    return network.train(**{**arguments, **changes})


CLASSES = {"loss": {"kind": "softmax_cross_entropy"}}
DATA = {
    "x of another width": ({"x": np.ones((5, 2))}, "x: has 2 columns, the network takes 3"),
    "x of one dimension": ({"x": np.ones(5)}, "x: has 1 dimensions, must have 2"),
    "x of no rows": ({"x": np.ones((0, 3))}, "x: has no rows"),
    "complex x": ({"x": X.astype(complex)}, "x: dtype complex128 is not supported"),
    "x of objects": ({"x": X.astype(object)}, "x: dtype object is not supported"),
    "x in half precision": ({"x": X.astype(np.float16)}, "x: dtype float16 is not supported"),
    "x of the other byte order": ({"x": X.astype(">f8")}, "x: dtype >f8 is not supported"),
    "too few y": ({"y": Y[:3]}, r"y: must have as many rows as x \(5\)"),
    "y of another width": ({"y": np.ones((5, 3))}, "y: has 3 columns, the network gives 2"),
    "labels for mse": ({"y": LABELS}, "y: class labels do not go with this loss"),
    "labels of another type": ({"y": LABELS.astype(np.int64), **CLASSES}, "y: labels must be a C-contiguous int32"),
    "label too large": ({"y": LABELS + np.int32(6), **CLASSES}, r"y: label 6 of row 0 is outside \[0, 2\)"),
    "negative label": ({"y": LABELS - np.int32(1), **CLASSES}, r"y: label -1 of row 0 is outside \[0, 2\)"),
    "too few weights": ({"sample_weight": np.ones(4)}, r"sample_weight: must have shape \(5,\)"),
    "weights in single precision": ({"sample_weight": np.ones(5, np.float32)}, "sample_weight: must be a float64"),
    "unknown loss": ({"loss": {"kind": "wave"}}, "loss: 'wave' is unknown; accepted: softmax_cross_entropy"),
    "loss without kind": ({"loss": {}}, "loss: lacks 'kind'"),
}
TRAINING = {
    "row too large": ({"order": np.array([0, 5])}, r"order: entry 1 is 5, outside \[0, 5\)"),
    "negative row": ({"order": np.array([-1])}, "order: entry 0 is -1"),
    "order of two dimensions": ({"order": np.zeros((2, 2), np.int64)}, "order: must be a non-empty one-dimensional"),
    "empty order": ({"order": np.zeros(0, np.int64)}, "order: must be a non-empty"),
    "too few rates": ({"learning_rates": np.ones(2)}, "learning_rates: 2 values for 3 steps"),
    "batch size of zero": ({"batch_size": 0}, "batch_size: 0 is not positive"),
    "unknown rule": ({"optimizer": {**st.optimizers.SGD().to_core(), "kind": "wave"}}, "optimizer: 'wave' is unknown"),
    "no rule": ({"optimizer": {}}, "optimizer: lacks 'kind'"),
    "negative count of updates": ({"optimizer_step": -1}, "optimizer_step: -1 is negative"),
    "too few slots": ({"slots": []}, "slots: 0 arrays, this optimiser takes 2"),
    "slots of another size": ({"slots": [np.zeros(3), np.zeros(3)]}, "slots: has 3 elements"),
    "slots of another type": ({"slots": [np.zeros(32, np.float32)] * 2}, "slots: dtype is float32, must be float64"),
}


@pytest.mark.parametrize("name", [*DATA, *TRAINING])
def test_bad_training(name):
    changes, message = {**DATA, **TRAINING}[name]
    network = make()
    before = network.parameter_arena.copy()
    with pytest.raises(ValueError, match=message):
        train(network, **changes)
    np.testing.assert_array_equal(network.parameter_arena, before)


CONVERTIBLE = [
    {"order": np.arange(5, dtype=np.int32)},
    {"order": np.array([0.5])},
    {"learning_rates": [0.1] * 3},
    {"seed": -1},
]


@pytest.mark.parametrize("changes", CONVERTIBLE, ids=str)
def test_nothing_is_converted_silently(changes):
    with pytest.raises(TypeError):
        train(make(), **changes)


@pytest.mark.parametrize("name", DATA)
def test_bad_data_elsewhere(name):
    changes, message = DATA[name]
    network = make()
    arguments = {"x": X, "y": Y, "sample_weight": None, "loss": {"kind": "mse"}, **changes}
    with pytest.raises(ValueError, match=message):
        network.evaluate(**arguments, batch_size=2, threads=1)
    gradients = np.full_like(network.parameter_arena, 7.0)
    with pytest.raises(ValueError, match=message):
        network.loss_and_gradients(
            **arguments, training=True, gradients=gradients, input_gradient=None, step=0, seed=0, threads=1
        )
    assert np.all(gradients == 7.0)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((5, 3)), r"out: must have shape \(5, 2\)"),
        (np.zeros((5, 2), np.float32), "out: dtype is float32, must be float64"),
        (np.zeros((2, 5)).T, "out: must be C-contiguous"),
        (np.zeros((5, 4))[:, :2], "out: must be C-contiguous"),
    ],
)
def test_bad_output(out, message):
    with pytest.raises(ValueError, match=message):
        make().predict(X, out, 2, 1)


def test_read_only_outputs():
    frozen = np.zeros((5, 2))
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: is read-only"):
        make().predict(X, frozen, 2, 1)


def test_memory_shared_with_what_is_written():
    network = make()
    arena = network.parameter_arena
    slot, whole = np.zeros_like(arena), np.zeros(2 * arena.size)
    gradients = {
        "y": Y,
        "sample_weight": None,
        "loss": {"kind": "mse"},
        "training": True,
        "step": 0,
        "seed": 0,
        "threads": 1,
    }
    calls = {
        "slots: shares memory with another slot": lambda: train(network, slots=[slot, slot]),
        "slots: shares memory with the network's parameters": lambda: train(network, slots=[slot, arena]),
        "x: shares memory with the network's parameters": lambda: train(network, x=arena[:15].reshape(5, 3)),
        "y: shares memory with slots": lambda: train(network, y=slot[:10].reshape(5, 2), slots=[slot, slot.copy()]),
        "gradients: shares memory with the network's parameters": lambda: network.loss_and_gradients(
            x=X, gradients=arena, input_gradient=None, **gradients
        ),
        "x: shares memory with input_gradient": lambda: network.loss_and_gradients(
            x=whole[:15].reshape(5, 3)[::-1], gradients=slot, input_gradient=whole[:15].reshape(5, 3), **gradients
        ),
        "input_gradient: shares memory with gradients": lambda: network.loss_and_gradients(
            x=X, gradients=whole[: arena.size], input_gradient=whole[arena.size - 1 :][:15].reshape(5, 3), **gradients
        ),
        "out: shares memory with x": lambda: network.predict(
            whole[:15].reshape(5, 3), whole[14:24].reshape(5, 2), 2, 1
        ),
    }
    before = arena.copy()
    for message, call in calls.items():
        with pytest.raises(ValueError, match=message):
            call()
    np.testing.assert_array_equal(arena, before)
    # Neighbours in one buffer do not overlap.
    network.predict(whole[:15].reshape(5, 3), whole[15:25].reshape(5, 2), 2, 1)


@pytest.mark.parametrize("batch_size", [5, 6, 1000, 2**40, 2**63 - 1])
def test_batch_larger_than_the_data_is_all_of_it(batch_size):
    """The memory for a batch follows the data, not the number."""
    network, exact = make(), make()
    assert train(network, batch_size=batch_size, learning_rates=np.full(1, 0.1)).steps == 1
    train(exact, batch_size=5, learning_rates=np.full(1, 0.1))
    np.testing.assert_array_equal(network.parameter_arena, exact.parameter_arena)
    assert network.evaluate(X, Y, None, {"kind": "mse"}, batch_size, 1).rows == 5


@pytest.mark.parametrize("threads", [-3, 0, 1, 7, 10**6])
def test_any_number_of_threads_is_harmless(threads):
    assert train(make(), threads=threads).steps == 3


def test_model_takes_a_batch_size_beyond_its_data(rng):
    model = st.Sequential([st.layers.Dense(2)])
    model.fit(X, Y, loss="mse", epochs=1, batch_size=2**60, verbose=0)
    assert model.steps == 1
    assert model.predict(X, batch_size=2**60).shape == (5, 2)
