"""Every preprocessing step against its definition, against scikit-learn, and at the edges."""

import statistics

import numpy as np
import pytest

from steepest import preprocessing as pre
from steepest.preprocessing.quantile_normal import normal_probability, normal_quantile
from steepest.registry import PREPROCESSORS
from tolerance import assert_within

# Of float64 statistics over a few hundred rows of numbers of order one.
CLOSE = 1e-11


@pytest.fixture
def x(rng):
    return rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + [5.0, -3.0, 0.0, 100.0]


def test_mean_image_and_channel_means(rng):
    images = rng.normal(size=(50, 3, 4, 5)) + np.arange(3).reshape(3, 1, 1)
    centred = pre.Center().fit_transform(images)
    assert centred.shape == images.shape
    assert_within(centred, images - images.mean(axis=0), CLOSE)
    channels = pre.Center(per="channel").fit(images)
    assert_within(channels.transform(images), images - images.mean(axis=(0, 2, 3), keepdims=True), CLOSE)
    assert channels.mean.shape == (60,)
    flat = channels.transform(images.reshape(50, -1))
    np.testing.assert_array_equal(flat, channels.transform(images).reshape(50, -1))
    deviations = images.std(axis=(0, 2, 3), keepdims=True)
    standard = pre.Standardizer(per="channel").fit_transform(images)
    assert_within(standard, (images - images.mean(axis=(0, 2, 3), keepdims=True)) / deviations, CLOSE)


def test_constant_channel_becomes_zero(rng):
    images = rng.normal(size=(20, 2, 3, 3)).astype(np.float32)
    images[:, 1] = 0.1
    assert (pre.Standardizer(per="channel").fit_transform(images)[:, 1] == 0).all()


def test_per_channel_of_a_table_is_per_feature(x):
    np.testing.assert_array_equal(pre.Standardizer(per="channel").fit_transform(x), pre.Standardizer().fit_transform(x))


def test_min_max_and_robust_by_hand():
    column = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])
    np.testing.assert_array_equal(pre.MinMax(-1, 1).fit_transform(column), column / 5 - 1)
    np.testing.assert_array_equal(pre.Robust().fit_transform(column), (column - 2) / 2)
    z = (column - 2) / 2
    assert_within(pre.Robust(smooth_clip=True).fit_transform(column), z / np.sqrt(1 + (z / 3) ** 2), 1e-15)


def test_robust_where_the_quartiles_agree():
    column = np.array([[0.0]] * 9 + [[4.0]])
    step = pre.Robust().fit(column)
    assert (step.center[0], step.scale[0]) == (0.0, 2.0)  # half of the range


def test_smooth_clip_ends_at_three():
    step = pre.Robust(smooth_clip=True).fit(np.arange(9.0).reshape(-1, 1))
    clipped = step.transform([[1e300], [-1e6], [4.0]])
    assert_within(clipped[:2, 0], [3.0, -3.0], 1e-9)
    with pytest.raises(ValueError, match="inside"):
        step.inverse_transform([[3.0]])


def test_pca_against_the_definition(x):
    pca = pre.PCA().fit(x)
    covariance = np.cov(x.T, bias=True)
    assert_within(pca.axes @ covariance @ pca.axes.T, np.diag(pca.variances), CLOSE * pca.total_variance)
    assert_within(pca.axes @ pca.axes.T, np.eye(4), CLOSE)
    assert (np.diff(pca.variances) <= 0).all()
    assert pca.total_variance == pytest.approx(np.trace(covariance), rel=CLOSE)
    assert_within(pca.inverse_transform(pca.transform(x)), x, 100 * CLOSE)


@pytest.mark.parametrize("share", [0.3, 0.8, 0.95, 0.999, 1.0])
def test_share_of_variance(x, share):
    everything = pre.PCA().fit(x)
    shares = np.cumsum(everything.variances) / everything.total_variance
    kept = len(pre.PCA(share).fit(x).variances)
    assert shares[kept - 1] >= share - 1e-9
    assert kept == 1 or shares[kept - 2] < share


def test_components_that_do_not_exist(x):
    with pytest.raises(ValueError, match="components=5 is more than the 4 columns"):
        pre.PCA(5).fit(x)
    for wrong in (0, -1, 0.0, 1.5, "all", True):
        with pytest.raises((TypeError, ValueError), match="components"):
            pre.PCA(wrong)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_whitened_data_have_the_identity_as_covariance(x, method):
    white = pre.Whitening(method, epsilon=1e-12).fit(x)
    z = white.transform(x)
    assert_within(np.cov(z.T, bias=True), np.eye(4), 1e-9)
    assert_within(white.inverse_transform(z), x, 1e-9)
    if method == "zca":  # the symmetric root of the inverse covariance
        values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        assert_within(z, (x - x.mean(axis=0)) @ root, 1e-8)


def test_whitening_of_data_without_variance_in_a_direction(x):
    flat = np.column_stack([x, x[:, 0] + x[:, 1], np.full(len(x), 7.0)])
    for method in ("pca", "zca"):
        assert np.isfinite(pre.Whitening(method).fit_transform(flat)).all()
    assert (pre.PCA(0.9).fit_transform(np.ones((5, 3))) == 0).all()


def test_quantiles_of_the_normal_distribution():
    p = np.concatenate([np.linspace(1e-7, 1 - 1e-7, 999), [1e-10, 0.075, 0.925, 0.5, 1e-5]])
    exact = [statistics.NormalDist().inv_cdf(value) for value in p]
    assert_within(normal_quantile(p), exact, 2e-15 * 10)
    assert_within(normal_probability(normal_quantile(p)), p, 1e-14)


def test_quantile_normal_is_normal(rng):
    z = pre.QuantileNormal().fit_transform(rng.lognormal(sigma=3, size=(5000, 2)))
    inner = np.abs(z) < 5
    assert inner.mean() > 0.999
    np.testing.assert_allclose(np.quantile(z, [0.1, 0.5, 0.9], axis=0)[:, 0], [-1.2816, 0, 1.2816], atol=2e-3)


def test_quantile_normal_beyond_and_back(rng):
    x = rng.exponential(size=(400, 1))
    step = pre.QuantileNormal().fit(x)
    far = step.transform([[-1.0], [1e9]])[:, 0]
    assert far[0] == -far[1]
    assert 5.19 < far[1] < 5.2
    assert_within(step.inverse_transform(step.transform(x)), x, 1e-9)
    assert (pre.QuantileNormal().fit_transform(np.ones((9, 2))) == 0).all()


def test_equal_numbers_get_the_quantile_of_their_middle_rank(rng):
    x = np.round(rng.normal(0, 2, size=(200, 1)))
    ranks = [(np.flatnonzero(np.sort(x[:, 0]) == value).mean()) / 199 for value in x[:, 0]]
    inner = (x > x.min()) & (x < x.max())
    expected = [statistics.NormalDist().inv_cdf(share) for share in np.array(ranks)[inner[:, 0]]]
    assert_within(pre.QuantileNormal().fit_transform(x)[inner], expected, 1e-12)


def test_pipeline_is_one_after_the_other(x):
    standardizer, pca = pre.Standardizer(), pre.PCA(2)
    expected = pca.fit_transform(standardizer.fit_transform(x))
    pipeline = pre.Pipeline(["standardizer", {"kind": "pca", "components": 2}]).fit(x)
    np.testing.assert_array_equal(pipeline.transform(x), expected)
    back = standardizer.inverse_transform(pca.inverse_transform(expected))
    np.testing.assert_array_equal(pipeline.inverse_transform(expected), back)
    assert pipeline.output_columns == 2
    with pytest.raises(ValueError, match="at least one"):
        pre.Pipeline([])
    with pytest.raises(ValueError, match="not been fitted"):
        pre.Pipeline(["pca"]).transform(x)


def test_files(x, tmp_path):
    step = pre.Pipeline([pre.Robust(smooth_clip=True), pre.Whitening("zca")]).fit(x)
    step.save(tmp_path / "steps.npz")
    twin = pre.load(tmp_path / "steps.npz")
    assert twin == step
    np.testing.assert_array_equal(twin.transform(x), step.transform(x))
    assert [path.name for path in tmp_path.iterdir()] == ["steps.npz"]
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"other\.npz is not a file of a preprocessing step"):
        pre.load(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        pre.load(tmp_path / "absent.npz")


def test_steps_that_saw_different_data_differ(x):
    assert pre.Center().fit(x) != pre.Center().fit(x + 1)
    assert pre.Center().fit(x) == pre.Center().fit(x)
    assert pre.Center().fit(x) != pre.Center()


SKLEARN = {
    "standardizer": lambda s: s.StandardScaler(),
    "center": lambda s: s.StandardScaler(with_std=False),
    "min_max": lambda s: s.MinMaxScaler(),
    "robust": lambda s: s.RobustScaler(),
    "quantile_normal": lambda s: s.QuantileTransformer(output_distribution="normal", n_quantiles=1000, subsample=None),
}


@pytest.mark.filterwarnings("ignore:n_quantiles")
@pytest.mark.parametrize("kind", SKLEARN)
def test_scikit_learn_agrees(kind, x, rng):
    oracle = SKLEARN[kind](pytest.importorskip("sklearn.preprocessing"))
    if kind != "quantile_normal":  # where rounding decides how long scikit-learn thinks a run of equal numbers is
        x[:, 1] = np.round(x[:, 1])
    other = rng.normal(0, 20, size=x.shape)
    step = PREPROCESSORS.create(kind).fit(x)
    assert_within(step.transform(x), oracle.fit_transform(x), 1e-9, "training set")
    assert_within(step.transform(other), oracle.transform(other), 1e-9, "another set")


@pytest.mark.parametrize("whiten", [False, True])
def test_scikit_learn_agrees_on_rotations(whiten, x):
    oracle = pytest.importorskip("sklearn.decomposition").PCA(3, whiten=whiten).fit(x)
    step = (pre.Whitening(components=3, epsilon=1e-12) if whiten else pre.PCA(3)).fit(x)
    signs = np.sign((oracle.components_ * step.axes).sum(axis=1))
    # scikit-learn divides by N - 1.
    factor = np.sqrt((len(x) - 1) / len(x)) if whiten else 1.0
    assert_within(step.transform(x) * signs * factor, oracle.transform(x), 1e-9)
    assert_within(step.variances / step.total_variance, oracle.explained_variance_ratio_, 1e-12)
