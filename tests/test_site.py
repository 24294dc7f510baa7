"""The web site, built from two small notebooks: complete, without secrets, and at rest offline."""

import re
import shutil
import subprocess
from html import unescape
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_runs import ROOT
from test_notebooks import SOURCE

from course_lib.notebooks.build import generated
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.site import build as building
from course_lib.notebooks.site import build_site, run

pytest.importorskip("sphinx")

SLOW = 300_000  # milliseconds that a browser may take
FIGURE = """
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure
from course_lib.figures.style import new_figure

def explorable():
    figure, (axes,) = new_figure()
    line = axes.axvline(0.0)
    def move(mu):
        line.set_xdata([mu, mu])
        return f"the line is at {mu:.1f}"
    controls = [Slider("mu", 0.0, 1.0, 0.1, 0.5, "mean of q")]
    return LiveFigure(figure, controls, move, [line], "A line at the mean.")

explorable()
"""
TEXT = r"""# 01 · A line

Slides 3. Inline $x_i^2$, and displayed

$$\log p(x) = E_q\!\left[\log \frac{p(x, z)}{q(z)}\right]$$

The [problem set](../assignments/ps9/ps9.ipynb), [the map](README.md), a
[module](../course_lib/figures/live.py) and [a paper](https://example.org/paper)."""
MAP = """# The map of the course

Each lecture.

## [01 · A line](01_line.ipynb)

- **Identities:** [`holds`](../course_lib/exact/identities/bounds.py)
- **Problem set:** [ps9](../assignments/ps9/ps9.ipynb)
"""


def write(path, *cells):
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), path)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one lecture and one problem set."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions/ps9").mkdir(parents=True)
    (root / "solutions/ps9/ps9.py").write_text(SOURCE.replace("# # A title", "# # Problem set 9"))
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for path, content in generated(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    hint = "<details><summary><b>Answer to Q1</b></summary>\n\nIt is $a$.\n\n</details>"
    cells = [new_markdown_cell(TEXT), new_code_cell(FIGURE.strip()), new_markdown_cell(hint)]
    cells += [new_code_cell("explorable()"), new_code_cell("print('loss', 0.5)")]
    write(root / "lectures/01_line.ipynb", *cells)
    (root / "lectures/README.md").write_text(MAP)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def site(course, cache, tmp_path_factory):
    return build_site(course, tmp_path_factory.mktemp("made") / "site", cache)


@pytest.fixture(scope="module")
def pages(site):
    return {p.relative_to(site).as_posix(): p.read_text() for p in site.rglob("*.html")}


@pytest.fixture(scope="module")
def lecture(pages):
    return pages["lectures/01_line.html"]


class TestPages:
    def test_there_is_a_page_for_each_notebook_and_a_start(self, pages):
        wanted = {"index.html", "lectures/01_line.html", "assignments/ps9/ps9.html", "search.html"}
        assert set(pages) == wanted

    def test_the_start_is_the_map_and_leads_everywhere(self, pages):
        assert "<h1>The map of the course" in pages["index.html"]
        for target in ("lectures/01_line.html", "assignments/ps9/ps9.html"):
            assert f'href="{target}"' in pages["index.html"]

    def test_a_link_to_a_file_that_is_no_page_becomes_its_words(self, pages, lecture):
        assert "<code" in pages["index.html"].partition("Identities")[2].partition("</li>")[0]
        assert ".py" not in pages["index.html"]
        assert "live.py" not in lecture
        assert 'href="../index.html"' in lecture
        assert 'href="https://example.org/paper"' in lecture

    def test_every_local_link_and_file_is_there(self, site, pages):
        for name, page in pages.items():
            for target in re.findall(r'(?:href|src)="([^"]+)"', page):
                place = unquote(unescape(target)).partition("#")[0].partition("?")[0]
                if place and not re.match(r"[a-z]+:", place):
                    assert ((site / name).parent / place).exists(), f"{name}: {target}"

    def test_no_page_asks_another_host_for_anything(self, site, pages):
        for name, page in pages.items():
            asked = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)', page)
            asked += re.findall(r'<link (?![^>]*rel="canonical)[^>]*href="([^"]+)', page)
            assert [u for u in asked if re.match("(https?:)?//", u)] == [], name
        for path in site.rglob("*.css"):
            assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", path.read_text()), path

    def test_mathematics_is_marked_and_what_sets_it_comes_along(self, site, lecture):
        assert r"\(x_i^2\)" in lecture
        assert lecture.count("math notranslate") == 3
        assert (site / "_static/mathjax/tex-svg.js").stat().st_size > 1e6

    def test_every_page_says_what_is_recorded(self, pages, lecture):
        assert "made by running the notebook" in lecture
        assert "loss 0.5" in lecture
        assert "made by running" not in pages["assignments/ps9/ps9.html"]

    def test_a_figure_is_there_with_all_its_states_and_twice_under_two_names(self, lecture):
        names = re.findall(r'<figure id="(live-[\w-]+)"', lecture)
        assert len(set(names)) == 2
        assert lecture.count('"the line is at 1.0"') == 2
        ids = re.findall(
            r' id="([^"]+)"', "".join(re.findall("<figure.*?</figure>", lecture, re.S))
        )
        assert len(set(ids)) == len(ids)

    def test_nothing_of_widgets_is_left(self, pages):
        for page in pages.values():
            assert "jupyter.widget" not in page
            assert "html-manager" not in page

    def test_github_would_publish_every_folder(self, site):
        assert (site / ".nojekyll").exists()


class TestSecrets:
    SECRETS = ("secret_answer", "hidden five doubled", "The model answer", "secret criterion")

    def test_none_is_in_any_file(self, site):
        for path in site.rglob("*"):
            if path.is_file() and "mathjax" not in path.parts:
                text = re.sub("<[^>]*>", "", path.read_text(errors="replace"))
                assert [s for s in self.SECRETS if s in text or s in unescape(text)] == [], path

    def test_the_problem_set_is_the_students(self, pages):
        page = re.sub("<[^>]*>", "", pages["assignments/ps9/ps9.html"])
        assert "double: your code goes here" in unescape(page)
        assert "three doubled is six" in page

    @pytest.mark.parametrize(
        "secret", ["# Two points for the secret criterion.", "The model answer."]
    )
    def test_a_page_that_would_tell_one_is_not_built(
        self, course, cache, tmp_path, monkeypatch, secret
    ):
        monkeypatch.setattr(run, "_run", lambda path: nbformat.read(path, 4))
        root = tmp_path / "course"
        shutil.copytree(course, root)
        write(root / "lectures/02_more.ipynb", new_markdown_cell(f"# 02 · More\n\n{secret}"))
        with pytest.raises(NotebookProblems, match=r"02_more\.ipynb holds this line of ps9"):
            build_site(root, tmp_path / "site", cache)
        assert not (tmp_path / "site").exists()

    def test_what_came_out_is_searched_too(self, course, cache, tmp_path, monkeypatch):
        def with_secret(source, folder, notes):
            folder.mkdir()
            told = "<p>The <b>model</b> answer.</p>\n<pre>hidden <i>test</i></pre>"
            (folder / "index.html").write_text(told)

        monkeypatch.setattr(building, "_sphinx", with_secret)
        with pytest.raises(NotebookProblems, match=r"index\.html holds this line of ps9"):
            build_site(course, tmp_path / "site", cache)
        assert not (tmp_path / "site").exists()


class TestRuns:
    def test_a_second_build_runs_nothing_and_gives_the_same_bytes(
        self, course, cache, site, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(run, "_run", lambda path: pytest.fail("it ran again"))
        again = build_site(course, tmp_path / "site", cache)
        first = {p.relative_to(site): p.read_bytes() for p in site.rglob("*") if p.is_file()}
        second = {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
        assert sorted(first) == sorted(second)
        assert [name for name in first if first[name] != second[name]] == []

    def test_another_library_or_another_notebook_is_run_again(self, tmp_path, monkeypatch):
        ran = []
        monkeypatch.setattr(run, "_run", lambda path: ran.append(path) or nbformat.read(path, 4))
        path = tmp_path / "lectures/01_line.ipynb"
        write(path, new_markdown_cell("# 01 · A line"))
        module = tmp_path / "course_lib/models.py"
        module.parent.mkdir()
        for change in ("x = 1", "x = 1", "x = 2"):
            module.write_text(change)
            run.executed(path, tmp_path, tmp_path / "runs")
        assert len(ran) == 2
        write(path, new_markdown_cell("# 01 · Another line"))
        run.executed(path, tmp_path, tmp_path / "runs")
        grader = tmp_path / "course_lib/grading/judge.py"
        grader.parent.mkdir()
        grader.write_text("x = 1")
        run.executed(path, tmp_path, tmp_path / "runs")
        assert len(ran) == 3

    @pytest.mark.parametrize(
        ("code", "said"),
        [("1 / 0", "ZeroDivisionError"), ("import sys; sys.stderr.write('bad')", "stderr: bad")],
    )
    def test_a_lecture_that_fails_is_named_and_not_remembered(self, tmp_path, code, said):
        path = tmp_path / "lectures/01_line.ipynb"
        write(path, new_markdown_cell("# 01 · A line"), new_code_cell(code))
        with pytest.raises(NotebookProblems, match=said) as caught:
            run.executed(path, ROOT, tmp_path / "runs")
        assert "01_line.ipynb" in str(caught.value)
        assert not list(tmp_path.rglob("runs/*"))

    def test_widgets_and_times_are_stripped(self):
        bundle = {run.WIDGET: {"model_id": "x"}, "text/plain": "a slider"}
        cell = new_code_cell(
            "x", metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["t"]}
        )
        cell.outputs = [
            new_output("display_data", bundle),
            new_output("display_data", {run.WIDGET: {"model_id": "x"}}),
            new_output("stream", text="said"),
        ]
        notebook = new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
        (left,) = run.stripped(notebook).cells
        assert [dict(o.get("data", {})) for o in left.outputs] == [{"text/plain": "a slider"}, {}]
        assert dict(left.metadata) == {"tags": ["t"]}
        assert "widgets" not in notebook.metadata


class TestRefused:
    def test_a_folder_without_a_map(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"root: expected a course with lectures/README"
        ):
            build_site(tmp_path, tmp_path / "site", tmp_path / "cache")

    def test_whatever_sphinx_warns_of(self, course, cache, tmp_path):
        root = tmp_path / "course"
        shutil.copytree(course, root)
        text = (root / "lectures/README.md").read_text()
        (root / "lectures/README.md").write_text(f"{text}\n[there](01_line.ipynb#no-such-place)\n")
        with pytest.raises(NotebookProblems, match="no-such-place"):
            build_site(root, tmp_path / "site", cache)


@pytest.mark.browser
def test_in_a_browser_the_figures_move_and_the_formulas_are_set(site):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no chromium")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], timeout=SLOW
        )
        for scheme, width in (("light", 1280), ("dark", 390)):
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            page.set_default_timeout(SLOW)
            asked, errors = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
            page.on(
                "console",
                lambda said, errors=errors: said.type == "error" and errors.append(said.text),
            )
            page.goto((site / "lectures/01_line.html").as_uri())
            page.wait_for_selector("mjx-container svg")
            slider = page.get_by_label("mean of q").first
            slider.press("End")
            playwright.expect(page.get_by_role("status").first).to_have_text("the line is at 1.0")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
            assert errors == []
            context.close()
        browser.close()


def test_the_workflow_builds_what_make_builds():
    path = ROOT / ".github/workflows/site.yml"
    if not path.is_file():
        pytest.skip("no whole course")
    text = path.read_text()
    assert "- run: make site\n" in text
    assert "path: build/site\n" in text
    said = subprocess.run(["make", "--dry-run", "site"], cwd=ROOT, capture_output=True, text=True)
    assert "course_lib.notebooks.site build/site" in said.stdout, said.stderr
