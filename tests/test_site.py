"""The web site, built from two small notebooks: complete, without secrets, and at rest offline."""

import re
import shutil
import subprocess
import zipfile
from html import unescape

import nbformat
import pytest
from browsing import NARROW, WIDE, chromium, controls, dead_links, opened, violations
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_runs import ROOT
from test_notebooks import SOURCE

from course_lib.notebooks.build import generated
from course_lib.notebooks.leaks import secrets
from course_lib.notebooks.percent import from_percent, grade_of
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.site import build as building
from course_lib.notebooks.site import build_site, run, sizes
from course_lib.notebooks.site.sizes import page_sizes, too_big

pytest.importorskip("sphinx")

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
TABLE = """
from IPython.display import HTML

HTML('<p><a href="01_line.ipynb">here</a>, <a href="../assignments/ps9/ps9.ipynb">a set</a> and'
     ' <a href="../course_lib/figures/live.py">what is no page</a>.</p>')
"""
REST = """## 3 · What the grid leaves out

See [the line](01_line.ipynb)."""
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
    grid = new_code_cell(FIGURE.strip(), metadata={"tags": ["start-page"]})
    table = new_code_cell(TABLE.strip(), metadata={"tags": ["start-page"]})
    rest = new_markdown_cell(REST, metadata={"tags": ["start-page"]})
    asked = new_markdown_cell("**Q1.** What is the loss? Move the line.")
    hint = "<details><summary><b>Answer to Q1</b></summary>\n\nIt is $a$.\n\n</details>"
    cells = [new_markdown_cell(TEXT), grid, table, rest]
    cells += [
        asked,
        new_code_cell("explorable()"),
        new_code_cell("print('loss', 0.5)"),
        new_markdown_cell(hint),
        new_code_cell("print('after', 1)"),
    ]
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

    def test_the_start_welcomes_and_shows_the_figure_and_leads_everywhere(self, pages):
        assert "<h1>How generative models combine" in pages["index.html"]
        assert pages["index.html"].count('<figure id="live-') == 1
        assert "def explorable" not in pages["index.html"]
        assert "<h2>What the grid leaves out" in pages["index.html"]
        assert '<a href="lectures/01_line.html">here</a>' in pages["index.html"]
        for target in ("lectures/01_line.html", "assignments/ps9/ps9.html"):
            assert f'href="{target}"' in pages["index.html"]

    def test_a_link_to_a_file_that_is_no_page_becomes_its_words(self, pages, lecture):
        assert "<code" in pages["index.html"].partition("Identities")[2].partition("</li>")[0]
        assert ".py" not in pages["index.html"]
        assert '<a href="../course_lib' not in lecture
        assert '<a href="../assignments/ps9/ps9.html">a set</a> and what is no page.' in lecture
        assert 'href="../index.html"' in lecture
        assert 'href="https://example.org/paper"' in lecture

    def test_every_local_link_and_file_is_there(self, site):
        assert dead_links(site) == []

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
        assert "nothing runs on it" in pages["assignments/ps9/ps9.html"]

    def test_an_output_that_answers_a_question_is_folded_and_a_figure_to_move_is_not(self, lecture):
        (folded,) = re.findall('<details class="admonition hide.*?</details>', lecture, re.S)
        assert "Show the output" in folded
        assert "loss 0.5" in folded

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
        with pytest.raises(NotebookProblems, match=r"02_more\.ipynb contains this line of ps9"):
            build_site(root, tmp_path / "site", cache)
        assert not (tmp_path / "site").exists()

    @pytest.mark.parametrize(
        "told", ["<p>The <b>model</b> answer.</p>\n", '<img src="a.png" alt="The model answer.">']
    )
    def test_what_came_out_is_searched_too(self, course, cache, tmp_path, monkeypatch, told):
        def with_secret(source, folder, notes):
            folder.mkdir()
            (folder / "index.html").write_text(told)

        monkeypatch.setattr(building, "_sphinx", with_secret)
        with pytest.raises(NotebookProblems, match=r"index\.html contains this line of ps9"):
            build_site(course, tmp_path / "site", cache)
        assert not (tmp_path / "site").exists()


class TestTheWholeCourse:
    """The real course, with lectures as they are before a run."""

    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls, tmp_path_factory):
        if not (ROOT / "solutions").is_dir():
            pytest.skip("no whole course")
        folder = tmp_path_factory.mktemp("whole")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "_run", lambda path: nbformat.read(path, 4))
            return build_site(ROOT, folder / "site", folder / "cache")

    def test_every_notebook_has_a_page_and_every_link_leads_somewhere(self, whole):
        notebooks = [*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("assignments/*/*.ipynb")]
        made = {p.relative_to(whole).with_suffix("").as_posix() for p in whole.rglob("*.html")}
        wanted = {p.relative_to(ROOT).with_suffix("").as_posix() for p in notebooks}
        offered = {"install"} if (ROOT / ".git").exists() else set()
        assert made == wanted | offered | {"index", "search"}
        assert dead_links(whole) == []

    def test_a_reader_can_get_the_notebooks_from_every_page(self, whole):
        if not (ROOT / ".git").exists():
            pytest.skip("git alone knows which files a student gets")
        for page in {*whole.rglob("*.html")} - {whole / "install.html"}:
            assert re.search(r'href="[./]*install\.html"', page.read_text()), page
        (packed,) = whole.rglob("generative-combinations.zip")
        with zipfile.ZipFile(packed) as files:
            assert "generative-combinations/lectures/01_elbo_gap.ipynb" in files.namelist()
        page = (whole / "install.html").read_text()
        assert f'href="{packed.relative_to(whole).as_posix()}"' in page
        assert "make lab" in re.sub("<[^>]*>", "", page)

    def test_the_project_stands_after_the_problem_sets(self, whole):
        page = (whole / "index.html").read_text()
        margin = page.partition('class="bd-links')[2].partition("</nav>")[0]
        assert margin.index("ps8_information") < margin.index("project_combine")

    def test_no_file_holds_what_students_do_not_get_not_even_within_a_line(self, whole):
        answers, hidden = {}, {}
        for path in sorted(ROOT.glob("solutions/*/*.py")):
            for cell, line in secrets(from_percent(path)):
                kind = answers if grade_of(cell) == "solution" else hidden
                kind[" ".join(line.split())] = path.name
        assert min(len(answers), len(hidden)) > 100
        for path in sorted(whole.rglob("*")):
            if path.suffix not in {".html", ".js", ".txt", ".json"} or "mathjax" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            text = " ".join(unescape(re.sub("<[^>]*>", "", text)).split())
            sought = answers | hidden if "assignments" in path.parts else hidden
            assert [line for line in sought if len(line) > 40 and line in text] == [], path


class TestSizes:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "_images").mkdir()
        (tmp_path / "_images/one.png").write_bytes(bytes(1000))
        (tmp_path / "page.html").write_text('<img alt="a" src="_images/one.png">' + " " * 10_000)
        return tmp_path

    def test_a_page_weighs_what_it_says_and_what_it_shows(self, folder):
        size = page_sizes(folder)["page.html"]
        assert size.raw == (folder / "page.html").stat().st_size + 1000
        assert 1000 < size.compressed < 1200
        assert too_big(folder) == []

    @pytest.mark.parametrize(
        ("limit", "said"), [("MAX_RAW", "in all"), ("MAX_COMPRESSED", "compressed")]
    )
    def test_a_page_above_a_limit_is_named(self, folder, monkeypatch, limit, said):
        monkeypatch.setattr(sizes, limit, 1000)
        (told,) = too_big(folder)
        assert re.match(rf"page\.html: expected at most .* {said}, got", told)

    def test_a_site_with_such_a_page_is_not_built(self, course, cache, tmp_path, monkeypatch):
        monkeypatch.setattr(building, "too_big", lambda folder: ["page.html: too big"])
        monkeypatch.setattr(building, "_sphinx", lambda source, folder, notes: folder.mkdir())
        with pytest.raises(NotebookProblems, match="too big"):
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


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.browser
class TestInABrowser:
    @pytest.mark.parametrize("width", [WIDE, NARROW])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize(
        "name", ["index.html", "lectures/01_line.html", "assignments/ps9/ps9.html", "search.html"]
    )
    def test_a_page_is_at_rest_fits_and_can_be_used_by_everyone(
        self, site, browser, name, scheme, width
    ):
        with opened(browser, site / name, scheme, width) as (page, seen):
            assert violations(page) == []
        assert seen.errors == []
        assert seen.foreign == []
        assert seen.overflow <= 0

    @pytest.mark.parametrize("name", ["index.html", "lectures/01_line.html"])
    def test_every_control_moves_its_picture_and_its_words(self, site, browser, name):
        with opened(browser, site / name) as (page, seen):
            seen.controls = controls(page)
            slider = page.get_by_label("mean of q").first
            slider.press("End")
            page.get_by_text("the line is at 1.0").first.wait_for()
        assert {control["label"] for control in seen.controls} == {"mean of q"}
        assert seen.still == []

    def test_formulas_are_set(self, site, browser):
        with opened(browser, site / "lectures/01_line.html") as (page, _):
            assert page.locator("mjx-container svg").count() == 3


def test_the_workflow_builds_what_make_builds():
    path = ROOT / ".github/workflows/site.yml"
    if not path.is_file():
        pytest.skip("no whole course")
    text = path.read_text()
    assert "- run: make site\n" in text
    assert "path: build/site\n" in text
    said = subprocess.run(["make", "--dry-run", "site"], cwd=ROOT, capture_output=True, text=True)
    assert "course_lib.notebooks.site build/site" in said.stdout, said.stderr
