"""The map of the course lists what the percent files use, and refuses names that do not exist."""

import re
import shutil

import pytest
from notebook_runs import ROOT

import course_lib.models
from course_lib.exact import identities
from course_lib.notebooks.build import drift, write
from course_lib.notebooks.course_map import MAP, course_map, topics
from course_lib.notebooks.problems import NotebookProblems

LECTURE = """# %% [markdown]
# # 7 · A topic
#
# **Slides 3, 5-7 and 12 of the deck.**

# %%
from course_lib.models import VAE
from course_lib.exact import identities

print(identities.gan_value_is_jsd)
"""
PROBLEM_SET = '''# %% [markdown]
# # Problem set 7
#
# ## Exercise 1 · Double it

# %% grade="solution" grade_id="double"
def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% grade="test" grade_id="test_double" points=2
assert double(3) == 6, "three doubled is six"
'''


@pytest.fixture
def course(tmp_path):
    for part in ("lectures", "solutions/ps7_topic", "course_lib/models", "course_lib/exact"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "lectures/07_topic.py").write_text(LECTURE)
    (tmp_path / "solutions/ps7_topic/ps7_topic.py").write_text(PROBLEM_SET)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copy(ROOT / "course_lib/models/__init__.py", tmp_path / "course_lib/models")
    folder = "course_lib/exact/identities"
    shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def edit(course, old, new, name="lectures/07_topic.py"):
    text = (course / name).read_text()
    assert old in text
    (course / name).write_text(text.replace(old, new))


def test_a_topic_is_what_its_percent_files_say(course):
    (topic,) = topics(course)
    assert topic.title == "A topic"
    assert topic.slides == (3, 5, 6, 7, 12)
    assert topic.models == ("VAE",)
    assert topic.identities == ("gan_value_is_jsd",)
    assert topic.exercises == ("Double it",)
    assert topic.problem_set.as_posix() == "assignments/ps7_topic/ps7_topic.ipynb"


def test_a_lecture_without_a_problem_set_is_on_the_map(course):
    shutil.rmtree(course / "solutions/ps7_topic")
    assert "Problem set" not in course_map(course).decode()
    assert "| 12 | [07](07_topic.ipynb) |  |" in course_map(course).decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gan_value_is_jsd", "gan_value_is_kl"),
        ("import VAE", "import VEA"),
        ("# # 7 · A topic", "# A topic"),
        ("Slides 3, 5-7 and 12", "Pictures 3, 5-7 and 12"),
    ],
)
def test_a_dead_reference_or_a_missing_heading_stops_the_build(course, old, new):
    edit(course, old, new)
    with pytest.raises(NotebookProblems, match=r"07_topic\.py"):
        course_map(course)


def test_an_answer_without_a_heading_stops_the_build(course):
    edit(course, "## Exercise 1 · Double it", "## Double it", "solutions/ps7_topic/ps7_topic.py")
    with pytest.raises(NotebookProblems, match="0 headings"):
        course_map(course)


def test_the_map_is_built_and_watched_like_every_generated_file(course):
    write(course)
    assert drift(course) == []
    edit(course, "A topic", "Another topic")
    assert f"{MAP}: differs from what its percent file makes" in drift(course)


def test_every_link_of_the_map_leads_somewhere_and_every_name_can_be_imported():
    page = course_map(ROOT).decode()
    targets = re.findall(r"\]\(([^)]+)\)", page)
    assert targets
    assert [t for t in targets if not (ROOT / "lectures" / t).resolve().exists()] == []
    for topic in topics(ROOT):
        assert all(hasattr(course_lib.models, name) for name in topic.models)
        assert all(hasattr(identities, name) for name in topic.identities)


PAGES = sorted([*ROOT.glob("lectures/*.py"), *ROOT.glob("solutions/*/*.py")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_lecture_or_a_problem_set_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)\s#]+)\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [t for t in local if not (page.parent / t).resolve().exists()] == []
