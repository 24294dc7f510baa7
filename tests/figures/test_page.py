import json
import re
import shutil

import pytest

from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure
from course_lib.figures.page import MAX_STATES
from course_lib.figures.style import new_figure

SLOW = 300_000  # milliseconds that a browser may take


def small(controls=None, alt="A line </script> & more."):
    figure, (axes,) = new_figure()
    (line,) = axes.plot([0, 1], [0, 1])
    axes.set(xlim=(0, 1), ylim=(0, 1), title="1.23456 stays")
    (bar,) = axes.bar([0.5], [1], 0.2, hatch="//")
    text = axes.text(0.5, 0.5, "", zorder=1)

    def update(mu, shown):
        line.set_ydata([0, mu])
        bar.set_visible(shown == "yes")
        text.set_text(f"</b> {mu:.2f}")
        return f"mu = {mu:.2f} </script>"

    controls = controls or [
        Slider("mu", 0.0, 1.0, 0.05, 0.5, "mean", page_step=0.25),
        Choice("shown", ("no", "yes"), "no"),
    ]
    return LiveFigure(figure, controls, update, [line, bar, text], alt)


def table(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])


def test_equal_figures_give_equal_bytes():
    live = small()
    page = live.to_html()
    live.show(mu=0.2, shown="yes")
    assert small().to_html() == page == live.to_html()


def test_the_figure_is_left_as_it_was():
    live = small()
    live.show(mu=0.2, shown="yes")
    before = live.png()
    live.to_html()
    assert live.png() == before
    live.blit.draw_all()
    assert live.png() == before
    assert live.readout == "mu = 0.20 </script>"


def test_states_are_in_the_order_of_the_controls_and_equal_drawings_are_kept_once():
    content = table(small().to_html())
    assert content["texts"] == [["0.00", "0.25", "0.50", "0.75", "1.00"], ["no", "yes"]]
    assert [len(part["at"]) for part in content["parts"]] == [10, 10, 10]
    line, bar, _ = content["parts"]
    assert line["at"] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert bar["at"] == [0, 1] * 5
    assert bar["unique"][0] == ""
    readouts = content["readouts"]
    assert readouts["unique"][readouts["at"][3]] == "mu = 0.25 </script>"


def test_the_page_asks_for_nothing_and_names_everything():
    page = small().to_html()
    assert not re.search(r"https?:|//\w|@import", re.sub(r'hatch="//"', "", page))
    assert 'role="status">mu = 0.50 &lt;/script&gt;<' in page
    assert 'aria-valuetext="0.50"' in page
    assert '<option value="0" selected>no</option>' in page
    assert 'role="img" aria-label="A line &lt;/script&gt; &amp; more."' in page
    assert page.count("</script>") == 2
    assert "1.23456 stays" in page


def test_every_name_that_is_used_is_defined_once():
    page = small().to_html()
    used = set(re.findall(r"url\(#(\w+)\)", page.replace("\\", "")))
    assert used
    for name in used:
        assert page.count(f'id="{name}"') == 1


def test_markers_of_one_look_share_it_and_others_keep_theirs():
    figure, (axes,) = new_figure()
    (line,) = axes.plot([0, 1, 2], [0, 1, 2], "o", color="#123456")
    axes.scatter([0, 1], [1, 0], color=["#abcdef", "#fedcba"])
    move = lambda mu: line.set_ydata([mu, 1, 2]) or "moved"  # noqa: E731
    page = LiveFigure(figure, [Slider("mu", 0, 2, 1, 0)], move, [line], "Dots.").to_html()
    body = page.partition("<figcaption>")[0]
    assert body.count("fill:#123456") == 1
    assert re.search(r'<g style="fill:#123456[^"]*">(<use [^>]*/>){3}</g>', body)
    for colour in ("#abcdef", "#fedcba"):
        assert colour in body


def test_drawn_at_the_start_as_after_a_step_and_back():
    page = small().to_html()
    part = table(page)["parts"][0]
    start = part["unique"][part["at"][4]]
    assert re.search(r'<g id="live-\w+-0">' + re.escape(start), page)


def test_what_moves_is_drawn_on_the_scale_of_the_page():
    page = small().to_html()
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', page).groups())
    rim = re.search(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"/>', page)
    x, y, w, h = map(float, rim.groups())
    assert (width, height) == (504, 216)
    line = table(page)["parts"][0]["unique"][-1]
    ends = [float(n) for n in re.search(r' d="M(\S+) (\S+) (\S+) (\S+)"', line).groups()]
    assert ends == pytest.approx([x, y + h, x + w, y], abs=0.1)


def test_a_fragment_fits_into_another_page(tmp_path):
    fragment = small().to_html(tmp_path / "gap.html", whole_page=False)
    assert fragment.startswith("<figure id=")
    assert (tmp_path / "gap.html").read_text(encoding="utf-8") == fragment


def test_too_many_states_are_refused_with_advice():
    controls = [Slider("mu", 0.0, 1.0, 0.0005, 0.5), Choice("shown", ("no", "yes"), "no")]
    live = small(controls)
    with pytest.raises(
        ValueError, match=f"4002 states .*{MAX_STATES}.* mu 2001, shown 2.*page_step"
    ):
        live.to_html()


def test_an_error_is_not_baked_into_a_page():
    live = small()
    live.update = lambda mu, shown: 1 / 0
    with pytest.raises(ZeroDivisionError):
        live.to_html()


@pytest.mark.browser
def test_a_browser_moves_the_figure_without_a_kernel(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no chromium")
    small().to_html(tmp_path / "page.html")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=SLOW)
        page = browser.new_page()
        page.set_default_timeout(SLOW)
        errors = []
        page.on("pageerror", lambda error: errors.append(error))
        page.goto((tmp_path / "page.html").as_uri())
        bar = page.locator("[id$='-1']").first
        assert bar.inner_html() == ""
        page.get_by_label("shown").select_option("yes")
        assert bar.inner_html()
        page.get_by_label("mean").press("End")
        status, mean = page.get_by_role("status"), page.get_by_label("mean")
        playwright.expect(status).to_have_text("mu = 1.00 </script>", timeout=SLOW)
        playwright.expect(mean).to_have_attribute("aria-valuetext", "1.00", timeout=SLOW)
        assert not errors
        browser.close()
