"""The one page: verdicts first, nothing from anywhere, readable by everyone."""

import itertools
import re
from html.parser import HTMLParser

import pytest

from pictured import a_history, a_monitor, a_report, check, report_of
from steepest.pictures import page

pytest.importorskip("matplotlib")
VOID = {"meta", "br", "img", "link"}


class Reader(HTMLParser):
    """Collects elements and text, and fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self):
        return " ".join(text for tag, text in self.texts if tag != "style")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    page(path, title="Digits & more", report=a_report(), monitor=a_monitor(6), history=a_history(6))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(text):
    return Reader(text)


def test_verdicts_come_first_and_the_gravest_before_the_others(text):
    places = [
        text.index(words)
        for words in (
            "1 failed check and 2 warnings",
            "Features differ in scale",
            "The loss starts at 3.9",
            "40 % of dense_1 are dead.",
            "Two runs gave the same bits.",
            "<svg",
        )
    ]
    assert places == sorted(places)


def test_a_verdict_has_sentence_number_threshold_source_and_fix(reader):
    words = reader.words()
    for part in (
        "Fail Feature scale Features differ in scale by a factor of 3410. Fix Standardise them.",
        "Number 3,410 Threshold a factor of 100 Source LeCun et al. 1998",
        "Follows from feature_scale Threshold 1.1",
        "Layer dense_1 Epoch 3 Step 41 Threshold 0.2 Source Lu et al. 2019",
    ):
        assert part in re.sub(r"[✕!✓–] ", "", words)


def test_every_curve_is_there(reader):
    headings = [text for tag, text in reader.texts if tag == "h3"]
    for title in (
        *("Loss", "Accuracy", "Update-to-weight ratio", "Gradient norm", "Dead units", "Gradient noise scale"),
        *("Learning-rate range", "Activations by depth", "Dead and saturated", "Deviation of gradients", "Classes"),
    ):
        assert title in headings


def test_nothing_comes_from_anywhere(text, reader):
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "foreignobject"}
    assert "://" not in text
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    for _, attributes in reader.elements:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    policy = next(m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_headings_and_landmarks(reader):
    names = [name for name, _ in reader.elements]
    assert names.count("h1") == names.count("main") == names.count("header") == 1
    levels = [int(name[1]) for name in names if re.fullmatch(r"h\d", name)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert reader.all("html")[0]["lang"] == "en"
    identifiers = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for section in reader.all("section"):
        assert section["aria-labelledby"] in identifiers


def test_every_picture_says_what_it_shows_in_numbers(reader):
    drawn = reader.all("svg")
    assert len(drawn) == len(reader.all("figure")) > 10
    for svg in drawn:
        assert svg["role"] == "img"
        assert re.search(r"\d", svg["aria-label"])
    loss = next(svg["aria-label"] for svg in drawn if svg["aria-label"].startswith("Loss over 6 epochs"))
    assert "training from 2 to 0.333; validation from 2.12 to 0.47; best validation 0.47 in epoch 6" in loss


def test_references_within_pictures_lead_somewhere(text, reader):
    identifiers = {attributes["id"] for _, attributes in reader.elements if "id" in attributes}
    assert [a["href"] for a in reader.all("a")] == ["#before", "#during", "#rest", "#training", "#start"]
    targets = re.findall(r"url\(#([^)]*)\)", text) + [a["href"][1:] for _, a in reader.elements if "href" in a]
    assert targets
    assert set(targets) <= identifiers


def test_colours_follow_the_theme(text):
    assert "prefers-color-scheme:dark" in text
    pictures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert not re.findall(r"<[^>]*#[0-9a-fA-F]{6}\b[^>]*>", pictures)
    declared = set(re.findall(r"(--[\w-]+):", text))
    assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= declared
    # Text without a colour of its own would stay black on black.
    assert all("fill: var(--" in style for style in re.findall(r'<text style="([^"]*)"', pictures))


def test_whatever_a_name_holds_stays_text(tmp_path):
    evil = '</style><script>alert(1)</script>"\'&amp; $x_{$ #1f68b0 id="a" \ud800 漢字'
    report, monitor, history = a_report(), a_monitor(3), a_history(3)
    del report.checks[5]  # the one with classes
    bad = check(evil, "fail", evil, evil, evil, evil, {"classes": [evil, "b"], "class_counts": [1, 2]}, evil)
    report = report_of([*report.checks, bad])
    monitor.layers = [evil, "_hidden", "c"]
    monitor.findings[0].layer = evil
    history.history[evil] = [1.0, 2.0, 3.0]
    history.stopped = evil
    page(tmp_path / "evil.html", title=evil, report=report, monitor=monitor, history=history)
    text = (tmp_path / "evil.html").read_text(encoding="utf-8")
    reader = Reader(text)
    assert not reader.all("script")
    assert text.count("</style>") == text.count("<style")
    assert "<script>alert(1)</script>" in reader.words()
    assert "_hidden" in reader.words()
    drawn = [text for tag, text in reader.texts if tag == "text"]
    assert any(words.startswith("</style><script") for words in drawn)


def test_the_same_model_gives_the_same_page(text, tmp_path):
    page(tmp_path / "again", title="Digits & more", report=a_report(), monitor=a_monitor(6), history=a_history(6))
    assert (tmp_path / "again").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("part", ["report", "monitor", "history"])
def test_each_part_may_stand_alone(part, tmp_path):
    value = {"report": a_report(), "monitor": a_monitor(2), "history": a_history(1)}[part]
    if part == "report":
        value.to_html(tmp_path / "part.html")
    else:
        page(tmp_path / "part.html", title=part, **{part: value})
    assert Reader((tmp_path / "part.html").read_text(encoding="utf-8")).all("svg")


def test_nothing_found_is_said(tmp_path):
    monitor, report = a_monitor(2), report_of([each for each in a_report().checks if each.status == "pass"])
    monitor.findings = []
    page(tmp_path / "fine.html", title="fine", report=report, monitor=monitor)
    assert (tmp_path / "fine.html").read_text(encoding="utf-8").count("Nothing to complain about.") == 3


def test_a_page_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="none of them"):
        page(tmp_path / "page.html", title="empty")


def test_the_old_page_stays_if_the_new_one_fails(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    broken = report_of([check("rates", "pass", "Fine.", data={"rates": ["no number"], "losses": [1.0]})])
    with pytest.raises(ValueError, match="no number"):
        page(path, title="new", report=broken)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_real_training_makes_a_page(tmp_path):
    import numpy as np

    import steepest as st

    X = np.random.default_rng(0).normal(size=(200, 5))
    y = (X[:, 0] > 0).astype(int)
    model = st.Sequential([st.layers.Dense(8, "relu"), st.layers.Dense(8, "tanh"), st.layers.Dense(2)], seed=0)
    report = st.checkup(model, X, y)
    monitor = st.callbacks.Monitor(verbose=False)
    history = model.fit(
        X, y, loss="softmax_cross_entropy", epochs=4, validation_split=0.2, callbacks=[monitor], verbose=0
    )
    page(tmp_path / "real.html", title="real", report=report, monitor=monitor, history=history)
    reader = Reader((tmp_path / "real.html").read_text(encoding="utf-8"))
    headings = {text for tag, text in reader.texts if tag == "h3"}
    assert headings >= {
        *("Loss", "Accuracy", "Update-to-weight ratio", "Gradient norm", "Dead units", "Saturated activations"),
        *("Learning-rate range", "Activations by depth", "Dead and saturated", "A handful of rows", "Classes"),
    }
    labels = [svg["aria-label"] for svg in reader.all("svg") if svg["aria-label"].startswith("Update-to-weight")]
    assert all(layer in labels[0] for layer in ("dense_1", "dense_2", "dense_3"))
    assert monitor.plot(tmp_path / "monitor.png").axes
