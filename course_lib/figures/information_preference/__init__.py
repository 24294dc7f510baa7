"""The figures of lecture 8, information preference (slides 16 to 18): three explorables."""

from course_lib.figures.information_preference.preference_path import preference_path
from course_lib.figures.information_preference.priced_information import priced_information
from course_lib.figures.information_preference.rate_distortion import rate_distortion

__all__ = ["preference_path", "priced_information", "rate_distortion"]
