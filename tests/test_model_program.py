"""Lowering and passes: what layers become, and that passes keep its meaning."""

import numpy as np
import pytest

import steepest as st
from steepest import layers
from steepest.initializers import Auto, Glorot, He, Zeros
from steepest.lowering import passes
from steepest.lowering.program import Builder


def kinds(program):
    return [op.kind for op in program.operations]


def lower(*chain, width=4, **options):
    return st.Sequential(chain, **options).lower(width)


def test_dense_lowers_to_product_and_activation():
    program = lower(layers.Dense(3, activation="relu"))
    assert kinds(program) == ["dense", "activation"]
    assert program.widths == (4, 3, 3)
    assert [p.name for p in program.parameters] == ["dense_1.weight", "dense_1.bias"]
    assert [p.shape for p in program.parameters] == [(4, 3), (3,)]
    assert [p.decay for p in program.parameters] == [True, False]


def test_without_bias():
    program = lower(layers.Dense(3, use_bias=False))
    assert [p.name for p in program.parameters] == ["dense_1.weight"]
    assert program.operations[0].parameters == (0,)


def test_description_for_the_core():
    program = passes.optimize(lower(layers.Dense(3, "leaky_relu"), layers.BatchNorm(0.2, 1e-4), layers.Dropout(0.25)))
    core = program.to_core()
    assert core["values"] == [4, 3, 3, 3]
    assert core["output"] == 3
    assert core["parameters"][0] == {
        "name": "dense_1.weight",
        "shape": (4, 3),
        "l1": 0.0,
        "l2": 0.0,
        "max_norm": 0.0,
        "decay": True,
        "trainable": True,
        "rate_scale": 1.0,
    }
    assert [s["name"] for s in core["states"]] == ["batch_norm_1.running_mean", "batch_norm_1.running_variance"]
    dense, norm, dropout = core["operations"]
    assert dense["attributes"] == {"activation": "leaky_relu", "alpha": 0.01}
    assert (dense["inputs"], dense["output"], dense["parameters"], dense["states"]) == ([0], 1, [0, 1], [])
    assert norm["attributes"] == {"momentum": 0.2, "epsilon": 1e-4, "channels": 3, "frozen": False}
    assert (norm["parameters"], norm["states"], norm["layer"]) == ([2, 3], [0, 1], "batch_norm_1")
    assert dropout["attributes"] == {"rate": 0.25, "stream": 0}


def test_every_dropout_has_its_own_stream():
    program = lower(layers.Dropout(0.1), layers.Dense(4), layers.Dropout(0.1))
    assert [op.attributes["stream"] for op in program.operations if op.kind == "dropout"] == [0, 1]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_activation_is_fused(activation):
    program = passes.fuse_activations(lower(layers.Dense(3), layers.Activation(activation), layers.Dense(2)))
    assert kinds(program) == ["dense", "dense"]
    assert program.operations[0].attributes["activation"] == activation
    assert program.widths == (4, 3, 2)
    assert program.operations[1].inputs == (1,)
    assert program.output == 2


def test_fusing_stops_where_something_stands_between():
    program = passes.fuse_activations(lower(layers.Dense(3), layers.BatchNorm(), layers.Activation("relu")))
    assert kinds(program) == ["dense", "batch_norm", "activation"]


def test_only_the_first_of_two_activations_is_fused():
    program = passes.fuse_activations(lower(layers.Dense(3, "tanh"), layers.Activation("relu")))
    assert kinds(program) == ["dense", "activation"]
    assert program.operations[0].attributes["activation"] == "tanh"
    assert program.operations[1].attributes["activation"] == "relu"


def test_a_value_with_two_readers_is_not_fused():
    builder = Builder(4)
    with builder.scope("dense_1", 0):
        product = layers.Dense(3).lower(builder, builder.input)
    with builder.scope("a", 1):
        layers.Activation("relu").lower(builder, product)
    with builder.scope("b", 2):
        output = layers.Activation("tanh").lower(builder, product)
    assert kinds(passes.fuse_activations(builder.finish(output))) == ["dense", "activation", "activation"]


def test_the_output_itself_is_not_fused_away():
    builder = Builder(4)
    with builder.scope("dense_1", 0):
        product = layers.Dense(3).lower(builder, builder.input)
    with builder.scope("a", 1):
        layers.Activation("relu").lower(builder, product)
    program = passes.fuse_activations(builder.finish(product))
    assert kinds(program) == ["dense", "activation"]
    assert program.output == 1


def test_passes_leave_their_argument_alone():
    program = lower(layers.Dense(3), layers.Activation("relu"))
    before = repr(program)
    passes.optimize(program)
    assert repr(program) == before


def test_fused_and_unfused_programs_agree(rng):
    from steepest.lowering.network import Network

    x = rng.normal(size=(7, 4))
    chain = [layers.Dense(6), layers.Activation("tanh"), layers.Dense(5), layers.Activation("leaky_relu")]
    program = lower(*chain, dtype="float64")
    outputs = []
    for variant in (program, passes.fuse_activations(program)):
        network = Network(variant, "float64")
        network.initialize(3)
        out = np.empty((7, 5))
        network.core.predict(x, out, 7, 1)
        outputs.append(out)
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ([layers.Dense(3, "relu")], He),
        ([layers.Dense(3, "leaky_relu")], He),
        ([layers.Dense(3, "tanh")], Glorot),
        ([layers.Dense(3)], Glorot),
        ([layers.Dense(3), layers.BatchNorm(), layers.Dropout(0.1), layers.Activation("relu")], He),
        ([layers.Dense(3), layers.BatchNorm(), layers.Activation("sigmoid")], Glorot),
        ([layers.Dense(3), layers.Dense(2, "relu")], Glorot),
    ],
)
def test_auto_initializer_follows_the_activation(chain, expected):
    program = passes.resolve_initializers(st.Sequential(chain).lower(4))
    assert type(program.parameters[0].initializer) is expected
    assert program.parameters[1].initializer == Zeros()


def test_auto_keeps_its_gain():
    program = passes.resolve_initializers(lower(layers.Dense(3, "relu", initializer=Auto(gain=2.0))))
    assert program.parameters[0].initializer == He(gain=2.0)


def test_regularizer_of_model_and_layer():
    program = lower(layers.Dense(3), layers.Dense(2, regularizer=st.regularizers.L2(0.5)), regularizer="l2")
    assert {p.name: p.l2 for p in program.parameters} == {
        "dense_1.weight": 1e-4,
        "dense_1.bias": 0.0,
        "dense_2.weight": 0.5,
        "dense_2.bias": 0.0,
    }


def test_penalties_and_bounds_reach_the_core():
    model = st.Sequential([layers.Dense(3, regularizer=st.regularizers.L1L2(0.5, 0.25), max_norm=2.0)], input_shape=4)
    described = model.network.program.to_core()["parameters"]
    assert [(p["l1"], p["l2"], p["max_norm"]) for p in described] == [(0.5, 0.25, 2.0), (0.0, 0.0, 0.0)]
    weight = model.layers[0].weight.astype("float64")
    assert model.network.penalty() == pytest.approx(0.5 * abs(weight).sum() + 0.125 * (weight**2).sum(), rel=1e-12)


def test_nested_scopes_name_and_key_their_tensors():
    builder = Builder(4)
    with builder.scope("block", 2), builder.scope("dense_1", 1):
        layers.Dense(3).lower(builder, builder.input)
    assert builder.finish(builder.input).parameters[1].name == "block.dense_1.bias"
    assert builder.finish(builder.input).parameters[1].key == (2, 1, 1)
