"""Grading for instructors, from submissions to grades, on nbgrader. Start with the README here."""
