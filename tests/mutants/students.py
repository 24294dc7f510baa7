"""Mistakes in what a student gets."""

from mutant import mutants_of

STUDENTS = [
    *mutants_of(
        "notebooks/bundle.py",
        "test_bundle.py",
        ("bundle: the grader goes along", "not folders & LEFT_OUT and", "True and"),
        ("bundle: percent files go along", 'name.endswith(".py"))', "False)"),
        (
            "bundle: in the order in which files are found",
            "in sorted(files.items())",
            "in files.items()",
        ),
        (
            "bundle: the library is not searched",
            "sought = hidden if teaches",
            "sought = {} if teaches",
        ),
        ("bundle: answers are not looked for", "else answers | hidden", "else hidden"),
        ("bundle: assignments as they lie there", '{"lectures", RELEASE}', '{"lectures"}'),
        ("bundle: only keys are read", "for child in value.values() if", "for child in value if"),
        ("bundle: whatever is found is handed out", "    if found:\n", "    if not found:\n"),
    ),
]
