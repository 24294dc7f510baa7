"""The figures of lecture 8, information preference (slides 16 to 18)."""

from course_lib.figures.information_preference.preference_path import preference_path
from course_lib.figures.information_preference.priced_information import priced_information

__all__ = ["preference_path", "priced_information"]
