"""Curves and panels: what is drawn is what was recorded."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictured import LAYERS, a_history, a_monitor, a_report, check, report_of
from steepest import pictures
from steepest.history import History
from steepest.pictures import colors, panel

matplotlib = pytest.importorskip("matplotlib")


def lines(axes):
    return [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]


def titled(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def holds(axes, values):
    """Whether one of the lines is this one."""
    return any(np.array_equal(line, np.asarray(values, dtype=float), equal_nan=True) for line in lines(axes))


def test_history_draws_what_was_recorded(tmp_path):
    history = a_history(6)
    figure = history.plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    names = [axes.get_title(loc="left") for axes in figure.axes]
    assert names == ["Loss", "Accuracy", "Penalty", "Learning rate"]
    assert holds(titled(figure, "Loss"), history["loss"])
    assert holds(titled(figure, "Loss"), history["val_loss"])
    assert holds(titled(figure, "Accuracy"), history["val_accuracy"])
    best = int(np.argmax(history["val_accuracy"]))
    marks = [
        line.get_xydata()[0].tolist() for line in titled(figure, "Accuracy").get_lines() if len(line.get_xdata()) == 1
    ]
    assert marks == [[best + 1, history["val_accuracy"][best]]]


def test_history_fits_into_given_axes():
    figure = matplotlib.figure.Figure()
    axes = figure.add_subplot()
    assert pictures.plot_history(a_history(3), axes) is figure
    assert len(figure.axes) == 1
    assert axes.get_title(loc="left") == "Loss"


def test_history_marks_where_numbers_end():
    history = History()
    for loss in (2.0, 1.0, math.inf, math.nan):
        history.append({"loss": loss})
    axes = history.plot().axes[0]
    assert "not finite" in [text.get_text() for text in axes.texts]
    assert holds(axes, [2.0, 1.0, math.nan, math.nan])


@pytest.mark.parametrize("epochs", [1, 2])
def test_short_histories_show_points(epochs):
    axes = a_history(epochs).plot().axes[0]
    assert axes.get_lines()[0].get_marker() == "o"


def test_values_between_gaps_are_points():
    history = History()
    for loss in (4.0, math.nan, 3.0, math.nan, 2.0, 1.0):
        history.append({"loss": loss})
    line = history.plot().axes[0].get_lines()[0]
    assert line.get_marker() == "o"
    assert np.flatnonzero(line.get_markevery()).tolist() == [0, 2]


def test_history_with_validation_only():
    history = History()
    history.append({"val_auc": 0.7})
    assert [axes.get_title(loc="left") for axes in history.plot().axes] == ["Auc"]


def test_empty_history_says_so():
    with pytest.raises(ValueError, match="no finished epoch"):
        History().plot()


def test_monitor_draws_a_curve_for_each_layer(tmp_path):
    monitor = a_monitor(7)
    figure = pictures.plot_monitor(monitor, tmp_path / "monitor.svg")
    assert (tmp_path / "monitor.svg").read_text().count("<svg") == 1
    ratios = titled(figure, "Update-to-weight ratio")
    assert ratios.get_yscale() == "log"
    assert any(np.all(line == 1e-3) for line in lines(ratios))
    for k, layer in enumerate(LAYERS):
        assert holds(ratios, monitor.records["update_ratio"][:, k])
        assert layer in [text.get_text() for text in ratios.texts]
    assert holds(titled(figure, "Gradient noise scale"), monitor.noise_scale)
    dead = titled(figure, "Dead units")
    assert [text.get_text() for text in dead.texts] == LAYERS[:1]  # the others have no ReLU: NaN throughout


def test_monitor_of_many_layers_names_some():
    layers = [f"dense_{k}" for k in range(40)]
    record = np.exp(np.random.default_rng(0).normal(size=(3, 40)))
    figure = pictures.plot_monitor(SimpleNamespace(layers=layers, records={"gradient_norm": record}, findings=[]))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == 8
    assert {"dense_0", "dense_39"} <= set(texts)
    assert len(lines(figure.axes[0])) == 40


def test_of_many_layers_those_that_learn_are_drawn():
    layers = [f"columns.pieces_{k}.dense_1" for k in range(10)]
    ratio = np.full((3, 10), np.nan)
    ratio[:, [2, 9]] = 1e-3
    records = {"update_ratio": ratio, "activation_mean": np.random.default_rng(0).normal(size=(3, 10))}
    figure = pictures.plot_monitor(SimpleNamespace(layers=layers, records=records, findings=[]))
    means = titled(figure, "Mean of activations")
    assert {text.get_text() for text in means.texts} == {"…ieces_2.dense_1", "…ieces_9.dense_1"}
    assert len(lines(means)) == 2


def test_report_draws_what_its_checks_measured(tmp_path):
    report = a_report()
    figure = report.plot(tmp_path / "report.png")
    data = {key: value for check in report.checks for key, value in check.data.items()}
    rates = titled(figure, "Learning-rate range")
    assert rates.get_xscale() == "log"
    assert any(line.get_xdata()[0] == data["suggested"] for line in rates.get_lines())
    assert holds(titled(figure, "Deviation of activations"), data["std"])
    assert [bar.get_width() for bar in titled(figure, "Classes").patches] == sorted(data["class_counts"], reverse=True)
    assert holds(titled(figure, "Against shuffled labels"), data["losses_shuffled"])
    shares = titled(figure, "Dead and saturated")
    assert [bar.get_height() for bar in shares.patches] == [*data["dead"], *data["saturated"]]
    ridges = titled(figure, "Activations by depth")
    assert [text.get_text() for text in ridges.get_yticklabels()] == data["layers"][::-1]


def test_report_without_numbers_says_so():
    with pytest.raises(ValueError, match="nothing to draw"):
        pictures.plot_report(report_of([check("labels", "pass", "Fine.")]))


@pytest.mark.parametrize(
    "data",
    [
        {"rates": [0.1], "losses": [math.nan]},
        {"rates": [0.1, 1.0], "losses": [2.0, 2.0], "low": None, "suggested": math.nan},
        {"layers": ["a"], "counts": [[0, 0]], "edges": [[0.0, math.nan, 1.0]]},
        {"layers": ["a", "b"], "counts": np.zeros((2, 3)), "edges": np.zeros((2, 4))},
        {"layers": ["a"], "std": [math.inf], "mean": [math.nan], "dead": [0], "saturated": [0], "gradient_std": [0.0]},
        {"feature_std": [0.0, 0.0]},
        {"feature_std": np.geomspace(1e-9, 1e9, 5)},
        {"classes": ["$x^{$"] * 30, "class_counts": np.zeros(30)},
        {"overfit_losses": [math.nan]},
    ],
    ids=lambda data: "-".join(data),
)
def test_degenerate_numbers_are_drawn(data, tmp_path):
    pictures.plot_report(report_of([check("odd", "warn", "?", data=data)]), tmp_path / "odd.png")


def test_the_user_s_settings_stay():
    before = dict(matplotlib.rcParams)
    a_history(2).plot()
    assert dict(matplotlib.rcParams) == before


def test_missing_matplotlib_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"steepest\[plot\]"):
        a_history(2).plot()


@given(st.lists(st.floats(-2.0, 3.0), max_size=12))
def test_labels_are_spread(heights):
    ordered = np.sort(np.array(heights, dtype=float))
    moved = panel.spread(ordered, 0.08)
    assert np.all(np.diff(moved) >= 0.08 - 1e-12)
    assert np.all(moved <= 1.0 + 1e-12)
    inside = ordered.size and ordered[0] >= 0.0 and ordered[-1] <= 1.0
    if inside and np.all(np.diff(ordered) >= 0.08):
        np.testing.assert_array_equal(moved, ordered)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (1234.5, "1,234"), (1e-6, "10⁻⁶"), (2.5e-7, "2.5·10⁻⁷"), (math.nan, "not finite"), (0, "0")],
)
def test_numbers(value, text):
    assert panel.number(value) == text


def test_shares():
    assert [panel.percent(share) for share in (0.0, 1e-4, 0.25, 1.0)] == ["0 %", "<1 %", "25 %", "100 %"]


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme):
    """WCAG 2.2, 1.4.3: 4.5 for text; the lines of the pictures carry text of their colour."""
    speaking = [colors.INK, colors.MUTED, colors.PASS, colors.WARN, colors.FAIL, *colors.DEPTH]
    for ground in (colors.PAGE, colors.SURFACE):
        for color in speaking:
            pair = sorted([luminance(getattr(ground, theme)), luminance(getattr(color, theme))])
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (color.name, ground.name)


def test_every_colour_is_told_apart():
    assert len({color.light for color in colors.ALL}) == len({color.dark for color in colors.ALL}) == len(colors.ALL)


@pytest.mark.parametrize("count", [1, 5, 12, 13, 22, 25, 100])
def test_layers_are_named_at_even_distances(count):
    """Few enough to be read, and the last one always."""
    axes = matplotlib.figure.Figure().add_subplot()
    panel.layer_ticks(axes, [f"dense_{k + 1}" for k in range(count)])
    ticks = axes.get_xticks()
    assert ticks[-1] == count
    assert len(ticks) <= panel.MOST_LAYERS
    assert len(set(np.diff(ticks))) <= 1
