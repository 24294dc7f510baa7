import base64
import io

import numpy as np
import pytest
from PIL import Image

from course_lib.figures.palette import shrink_embedded, shrink_png


def picture(colours, opacity=255):
    draw = np.random.default_rng(0)
    table = draw.integers(0, 256, (colours, 4), dtype=np.uint8)
    table[:, 3] = opacity
    return table[draw.integers(0, colours, (40, 60))]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def pixels_of(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


@pytest.mark.parametrize("colours", [1, 2, 17, 256, 257, 2000])
@pytest.mark.parametrize("opacity", [255, 100])
def test_every_pixel_is_the_same_and_no_byte_is_added(colours, opacity):
    before = png(picture(colours, opacity))
    after = shrink_png(before)
    assert np.array_equal(pixels_of(after), pixels_of(before))
    assert len(after) <= len(before)


def test_few_colours_take_a_byte_a_pixel_at_most():
    assert len(shrink_png(png(picture(200)))) < 40 * 60 + 1200


def test_pictures_in_a_drawing_are_shrunk_and_the_rest_is_left():
    before = base64.b64encode(png(picture(8))).decode()
    drawing = f'<image href="data:image/png;base64,{before[:50]}\n{before[50:]}" x="1"/><path/>'
    after = shrink_embedded(drawing)
    assert len(after) < len(drawing)
    assert after.startswith('<image href="data:image/png;base64,')
    assert after.endswith('" x="1"/><path/>')
