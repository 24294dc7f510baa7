import io

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.figures.images import GAP, GAP_GREY, Picture, tile
from course_lib.figures.style import new_figure


def decoded(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def test_every_pixel_of_every_image_is_where_it_belongs():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    sheet = decoded(tile(images, columns=2, zoom=3, alt="noise"))
    assert sheet.shape == (3 * 12 + 2 * GAP, 2 * 9 + GAP)
    for i, image in enumerate(images):
        y, x = i // 2 * (12 + GAP), i % 2 * (9 + GAP)
        assert (sheet[y : y + 12, x : x + 9] == image.repeat(3, 0).repeat(3, 1)).all()
    assert (sheet[-12:, -9:] == GAP_GREY).all()


def test_channels_stay_channels():
    images = torch.zeros(3, 3, 5, 4)
    images[:, 1] = 1.0
    sheet = decoded(tile(images, columns=3, zoom=1, alt="green"))
    assert (sheet[:5, :4] == [0, 255, 0]).all()


def test_a_gaussian_decoder_may_overshoot():
    sheet = decoded(tile(torch.tensor([[[-0.5, 1.5]]]), zoom=1, alt="two pixels"))
    assert sheet.tolist() == [[0, 255]]


def test_a_figure_is_shown_with_its_text():
    data, metadata = Picture(new_figure()[0], "empty axes")._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == "empty axes"
    assert 'alt="empty axes"' in data["text/html"]
    assert metadata["image/png"]["width"] == 700


def test_a_figure_is_drawn_at_double_density_and_left_as_it_was():
    figure, _ = new_figure()
    assert Picture(figure, "empty axes").image.size == (1400, 600)
    assert figure.dpi == 100


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 4, 4), (0, 4, 4)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="images: expected shape"):
        tile(np.zeros(shape), alt="nothing")


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="images: expected finite"):
        tile(np.full((1, 2, 2), np.nan), alt="nothing")
    with pytest.raises(ValueError, match="columns, zoom"):
        tile(np.zeros((1, 2, 2)), zoom=0, alt="nothing")
    with pytest.raises(ValueError, match="alt"):
        tile(np.zeros((1, 2, 2)), alt="")


def test_what_is_given_no_colour_takes_it_from_the_palette():
    from course_lib.figures import style

    _, (axes,) = style.new_figure()
    drawn = [axes.plot([0, 1])[0].get_color() for _ in range(6)]
    assert drawn == [style.P, style.Q, style.ELBO, style.KL, style.DATA, style.NEUTRAL]
