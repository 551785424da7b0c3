"""PyTorch modules from models and models from PyTorch modules."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from export_models import FUNCTIONS, L, everything, randomize, rows, with_activation

torch = pytest.importorskip("torch")
nn = torch.nn

# Activations that a module of torch.nn stands for.
THERE = [name for name in FUNCTIONS if name not in ("step", "hardmax", "prelu")]


def chain():
    layers = [L.Dense(8, "silu"), L.BatchNorm(momentum=0.2, epsilon=1e-3), L.Dropout(0.5), L.LayerNorm(), L.PReLU()]
    return randomize(st.Sequential([*layers, L.Maxout(3, 2), L.Dense(2)], input_shape=4))


def test_chain_becomes_a_sequential():
    module = st.export.to_torch(chain()).result
    assert type(module) is nn.Sequential
    assert not module.training
    assert [name for name, _ in module.named_children()] == [
        "dense_1",
        "dense_1_silu",
        "batch_norm_1",
        "dropout_1",
        "layer_norm_1",
        "prelu_1",
        "maxout_1",
        "maxout_1_maxpool1d",
        "dense_2",
    ]
    assert (module.batch_norm_1.momentum, module.batch_norm_1.eps, module.dropout_1.p) == (0.2, 1e-3, 0.5)
    assert module.dense_1.weight.dtype == torch.float32


def test_round_trip():
    model = chain()
    back = st.export.from_torch(st.export.to_torch(model).result).result
    assert [type(layer) for layer in back.layers] == [type(layer) for layer in model.layers]
    x = np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_array_equal(back.predict(x), model.predict(x))
    for mine, theirs in zip(model.states().values(), back.states().values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_gradients_are_the_same():
    """What is handed over can be trained on: batch norm in training mode, residual block, embedding, slopes."""
    groups = {"kind": (0, L.Embedding(4, 3)), "numbers": ([1, 2], None)}
    layers = [L.Columns(groups), L.Residual([L.Dense(5, "tanh"), L.BatchNorm()], "mish"), L.Dense(6), L.PReLU()]
    model = randomize(st.Sequential([*layers, L.Maxout(3, 2), L.Dense(2)], input_shape=3, dtype="float64"))
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(4, size=30), rng.normal(size=(30, 2))])
    y = rng.normal(size=(30, 2))
    value, gradients = model.loss_and_gradients(x, y, loss="mse", training=True)
    module = st.export.to_torch(model).result
    module.train()
    loss = nn.functional.mse_loss(module(torch.from_numpy(x)), torch.from_numpy(y))
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-12)
    given = {name: p.grad.numpy() for name, p in module.named_parameters()}
    assert len(given) == len(gradients)
    for name, gradient in gradients.items():
        layer, _, tensor = name.rpartition(".")
        renamed = {"gamma": "weight", "beta": "bias", "slope": "weight", "table": "table.weight"}.get(tensor, tensor)
        other = given[f"network.{layer.replace('.', '_')}.{renamed}"]
        if tensor == "weight":
            other = other.T
        np.testing.assert_allclose(other[: len(gradient)], gradient, rtol=1e-9, atol=1e-12)


def test_slopes_per_channel_there_and_back():
    model = randomize(st.Sequential([L.PReLU(shared="channel"), L.Dense(2)], input_shape=(3, 2, 2), dtype="float64"))
    there = st.export.to_torch(model)
    assert there.verified
    x = np.random.default_rng(0).normal(size=(9, 3, 2, 2))
    module = nn.Sequential(nn.PReLU(3), nn.Flatten(), nn.Linear(12, 2)).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.from_numpy(model.layers[0].slope.copy()))
        module[2].weight.copy_(torch.from_numpy(model.layers[1].weight.T.copy()))
        module[2].bias.copy_(torch.from_numpy(model.layers[1].bias.copy()))
    back = st.export.from_torch(module, input_shape=(3, 2, 2))
    assert back.result.layers[0].shared == "channel"
    np.testing.assert_allclose(back.result.predict(x), model.predict(x), rtol=1e-12, atol=1e-13)


def test_frozen_layers_need_no_gradient():
    layers = [L.Dense(3, trainable=False), L.BatchNorm(trainable=False), L.Dense(2)]
    module = st.export.to_torch(randomize(st.Sequential(layers, input_shape=3))).result
    assert {name for name, p in module.named_parameters() if p.requires_grad} == {
        "dense_2.weight",
        "dense_2.bias",
    }
    x = torch.ones(4, 3)
    before = module(x)
    module.train()  # fixed numbers stay what they are
    assert torch.equal(module(x), before)


def test_noise_is_left_out_and_said_to_be():
    report = st.export.to_torch(randomize(st.Sequential([L.GaussianNoise(0.1), L.Dense(2)], input_shape=3)))
    assert "gaussian_noise_1" in str(report)


def test_module_needs_nothing_of_steepest(tmp_path):
    P = st.preprocessing
    step = P.Pipeline([P.QuantileNormal(20), P.PCA(4), P.Robust(True)]).fit(rows())
    module = st.export.to_torch(everything(), rows(), preprocessing=step).result
    x = torch.from_numpy(rows(20))
    (tmp_path / "net.pkl").write_bytes(pickle.dumps((module, x, module(x).detach())))
    code = (
        "import pickle, sys; sys.modules['steepest'] = None; "
        "module, x, y = pickle.load(open(sys.argv[1], 'rb')); assert (module(x) == y).all()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "net.pkl")], check=True)


@pytest.mark.parametrize("name", THERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_comes_back(name, dtype):
    module = st.export.to_torch(with_activation(name, dtype)).result
    report = st.export.from_torch(module)
    assert report.verified
    assert report.result.dtype == dtype
    expected = with_activation(name, dtype).layers[0].activation
    assert report.result.layers[0].activation == expected


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6, elementwise_affine=False), nn.Linear(6, 1, bias=False)), None),
        (nn.Sequential(nn.Sequential(nn.Linear(4, 6), nn.ELU(0.5)), nn.Dropout(0.1), nn.Identity()), None),
        (nn.Sequential(nn.BatchNorm1d(4, affine=False), nn.LeakyReLU(0.3), nn.Linear(4, 2)), None),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(24, 2)), (3, 4, 2)),
        (nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(9, 2)), None),
        (nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(3, 2)), None),
        (nn.Linear(3, 2).double(), None),
        (nn.ReLU(), 3),
    ],
    ids=str,
)
def test_modules_that_can_be_read(module, shape):
    torch.manual_seed(0)
    for part in module.modules():
        if getattr(part, "running_var", None) is not None:
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    module.train()
    report = st.export.from_torch(module, input_shape=shape)
    assert report.verified
    assert report.rows == 64
    assert all(part.training for part in module.modules())


class Own(nn.ReLU):
    pass


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Conv1d(1, 1, 3))), r"'1.1', Conv1d\("),
        (nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 4)), "'1', LSTM"),
        (nn.Sequential(nn.Linear(4, 4), Own()), r"'1', Own\(\)"),
        (nn.TransformerEncoderLayer(4, 2), "'module', TransformerEncoderLayer"),
        (nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False)), "running statistics"),
        (nn.Sequential(nn.BatchNorm1d(4, momentum=None)), "momentum=None"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softplus(beta=2)), "other settings"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(dim=0)), "other settings"),
        (nn.Sequential(nn.Linear(4, 4), nn.MaxPool1d(3)), "divide the outputs"),
        (nn.Sequential(nn.Linear(4, 4), nn.Flatten(0)), "start_dim=1"),
        (nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2)), r"Flatten\(\) must stand behind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_first_unsupported_module_is_named(module, message):
    with pytest.raises(st.export.ExportError, match=message):
        st.export.from_torch(module)


def test_shape_must_be_known():
    with pytest.raises(ValueError, match="pass input_shape"):
        st.export.from_torch(nn.Sequential(nn.Tanh()))


def test_missing_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pytorch\.org"):
        st.export.to_torch(with_activation("relu"))
