"""Layers and the other declarative objects: configuration, arguments, views."""

import copy
import gc

import numpy as np
import pytest

import steepest as st
from members import FAMILIES, make
from members import MEMBERS as REGISTERED
from steepest import layers
from steepest.registry import Configurable, Registry

MEMBERS = [cls for _, cls in REGISTERED]


@pytest.mark.parametrize("cls", MEMBERS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_configuration_describes_the_object(cls):
    import json

    family = next(family for family in FAMILIES if cls in list(family))
    original = make(cls)
    twin = family.create(json.loads(json.dumps(original.get_config())))
    assert type(twin) is cls
    assert twin.get_config() == original.get_config()
    assert repr(twin) == repr(original)
    assert repr(original).startswith(cls.__name__ + "(")


@pytest.mark.parametrize("cls", MEMBERS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_argument_that_differs_is_described(cls):
    changed = {
        "name": "other",
        "alpha": 0.5,
        "momentum": 0.5,
        "epsilon": 0.5,
        "gain": 3.0,
        "distribution": "uniform",
        "clip_norm": 2.0,
        "l1": 0.5,
        "l2": 0.5,
    }
    for name in cls.arguments():
        if name in changed:
            config = make(cls, **{name: changed[name]}).get_config()
            assert config[name] == changed[name]


def test_names_configurations_and_objects_mean_the_same():
    by_name = layers.Dense(2, activation="leaky_relu")
    by_config = layers.Dense(2, activation={"kind": "leaky_relu"})
    by_object = layers.Dense(2, activation=st.activations.LeakyRelu())
    assert by_name.activation == by_config.activation == by_object.activation


def test_equality_is_by_class_and_arguments():
    assert st.activations.LeakyRelu(0.1) == st.activations.LeakyRelu(0.1)
    assert st.activations.LeakyRelu(0.1) != st.activations.LeakyRelu(0.2)
    assert st.activations.Relu() != st.activations.Tanh()
    assert hash(st.activations.LeakyRelu(0.1)) == hash(st.activations.LeakyRelu(0.1))
    assert layers.Dense(2) != layers.Dense(2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.Dense(0), ValueError, ["units", "0"]),
        (lambda: layers.Dense(2.5), TypeError, ["units", "2.5"]),
        (lambda: layers.Dense(True), TypeError, ["units", "True"]),
        (lambda: layers.Dense(2, activation="rleu"), ValueError, ["activation", "'rleu'", "did you mean 'relu'"]),
        (lambda: layers.Dense(2, activation=3), TypeError, ["activation", "3"]),
        (lambda: layers.Dense(2, activation=st.activations.Relu), TypeError, ["class Relu", "Relu(...)"]),
        (lambda: layers.Dense(2, use_bias="no"), TypeError, ["use_bias", "'no'"]),
        (lambda: layers.Dense(2, initializer="glorott"), ValueError, ["initializer", "'glorott'", "'glorot'"]),
        (lambda: layers.Dense(2, name="a.b"), ValueError, ["name", "'a.b'"]),
        (lambda: layers.Dense(2, name=""), ValueError, ["name", "''"]),
        (lambda: layers.Dropout(1.0), ValueError, ["rate", "[0, 1)", "1.0"]),
        (lambda: layers.Dropout(-0.1), ValueError, ["rate", "-0.1"]),
        (lambda: layers.Dropout(float("nan")), ValueError, ["rate", "nan"]),
        (lambda: layers.Dropout("0.2"), TypeError, ["rate", "'0.2'"]),
        (lambda: layers.BatchNorm(momentum=0.0), ValueError, ["momentum", "(0, 1]", "0.0"]),
        (lambda: layers.BatchNorm(epsilon=0.0), ValueError, ["epsilon", "0.0"]),
        (lambda: st.activations.LeakyRelu(-1), ValueError, ["alpha", "-1"]),
        (lambda: st.initializers.He(gain=0), ValueError, ["gain", "0"]),
        (lambda: st.initializers.He(distribution="cauchy"), ValueError, ["distribution", "'cauchy'", "'uniform'"]),
        (lambda: st.initializers.Glorot(mode="fan_out"), ValueError, ["mode", "'fan_out'"]),
        (lambda: st.regularizers.L2(-1e-3), ValueError, ["l2", "-0.001"]),
        (lambda: st.optimizers.Adam(-1.0), ValueError, ["learning_rate", "-1.0"]),
        (lambda: st.optimizers.Adam(clip_norm=0), ValueError, ["clip_norm", "0"]),
        (lambda: layers.Dense(2, max_norm=-1.0), ValueError, ["max_norm", "-1.0"]),
        (lambda: st.optimizers.Adam(beta1=1.0), ValueError, ["beta1", "1.0"]),
        (lambda: st.optimizers.SGD(0.1, nesterov=True), ValueError, ["nesterov", "momentum"]),
        (lambda: st.schedules.Cosine(0.1, steps=5, warmup=5), ValueError, ["warmup", "5"]),
    ],
)
def test_wrong_arguments_are_named_and_quoted(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("number", [np.int64(3), np.int32(3), np.uint8(3)])
def test_numpy_integers_become_plain(number):
    assert type(layers.Dense(number).units) is int


def test_numpy_floats_become_plain():
    assert type(layers.Dropout(np.float32(0.5)).rate) is float


def test_views_are_the_networks_memory():
    model = st.Sequential([layers.Dense(3), layers.BatchNorm()], input_shape=4)
    dense, norm = model.layers
    assert np.shares_memory(dense.weight, model.parameters()["dense_1.weight"])
    assert np.shares_memory(norm.running_mean, model.states()["batch_norm_1.running_mean"])
    assert dense.weight.flags.c_contiguous
    assert dense.weight.flags.writeable


def test_writing_into_views_takes_effect():
    model = st.Sequential([layers.Dense(2)], input_shape=2)
    model.layers[0].weight = [[1, 2], [3, 4]]
    model.layers[0].bias[:] = [10, 20]
    np.testing.assert_array_equal(model.predict([[1, 1]]), [[14, 26]])
    model.parameters()["dense_1.weight"][:] = 0
    np.testing.assert_array_equal(model.predict([[1, 1]]), [[10, 20]])


def test_assignment_of_another_shape_is_refused():
    model = st.Sequential([layers.Dense(2)], input_shape=2)
    with pytest.raises(ValueError, match=r"weight has shape \(2, 2\), got an array of shape \(2,\)"):
        model.layers[0].weight = [1, 2]


def test_views_outlive_the_model():
    model = st.Sequential([layers.Dense(64)], input_shape=64)
    weight = model.layers[0].weight
    expected = weight.copy()
    del model
    gc.collect()
    np.testing.assert_array_equal(weight, expected)


def test_tensors_before_building():
    layer = layers.Dense(2)
    with pytest.raises(AttributeError, match="no weight yet: the model is built"):
        _ = layer.weight
    assert not hasattr(layer, "bias")


def test_missing_bias_is_an_attribute_error():
    model = st.Sequential([layers.Dense(2, use_bias=False)], input_shape=2)
    with pytest.raises(AttributeError, match="has no bias, only weight"):
        _ = model.layers[0].bias


def test_a_layer_belongs_to_one_model():
    layer = layers.Dense(2)
    model = st.Sequential([layer])
    with pytest.raises(ValueError, match="already part of another model"):
        st.Sequential([layer])
    assert model.names == ("dense_1",)
    other = layers.Dense(2)
    with pytest.raises(ValueError, match="stands twice"):
        st.Sequential([other, other])


def test_a_layer_is_free_when_its_model_is_gone():
    layer = layers.Dense(2)
    st.Sequential([layer])
    gc.collect()
    assert st.Sequential([layer], input_shape=3).layers[0].weight.shape == (3, 2)


def test_copying_a_layer_copies_its_configuration_only():
    model = st.Sequential([layers.Dense(2)], input_shape=2)
    twin = copy.deepcopy(model.layers[0])
    assert twin.tensors == {}
    assert st.Sequential([twin], input_shape=5).layers[0].weight.shape == (5, 2)


def test_registering_a_name_twice_is_refused():
    family = Registry("thing", "steepest.registry")

    @family.register("a")
    class First(Configurable):
        pass

    with pytest.raises(ValueError, match=r"thing 'a' is already registered by .*First"):

        @family.register("a")
        class Second(Configurable):
            pass

    assert family.names() == ["a"]
    assert list(family) == [First]
    assert "a" in family
    assert family["a"] is First


def test_a_layer_of_ones_own(rng):
    class Twice(layers.Layer):
        """Two dense layers in one."""

        def __init__(self, units, name=None):
            super().__init__(name)
            self.units = units
            self.parts = [layers.Dense(units, "tanh"), layers.Dense(units)]

        def lower(self, builder, value):
            for number, part in enumerate(self.parts):
                with builder.scope(f"part_{number}", number):
                    value = part.lower(builder, value)
            return value

    model = st.Sequential([Twice(3)], input_shape=2)
    assert next(iter(model.parameters())) == "twice_1.part_0.weight"
    assert model.layers[0].tensor("part_1.bias").shape == (3,)
    assert model.summary().rows[0].parameters == 2 * 3 + 3 + 9 + 3
    with pytest.raises(ValueError, match="Twice cannot be saved: register it"):
        model.copy().save("never written")
