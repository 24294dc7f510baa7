import gzip
import itertools
import json
import re
import sys
import time
from statistics import median

import numpy as np
import pytest
import torch
from notebook_runs import ROOT

from course_lib.evaluation import variance_shares
from course_lib.exact.receptive_field import (
    count_seen,
    masked_kernel,
    one_stack,
    seen_pixels,
    shift_down,
    shift_right,
    two_stacks,
)
from course_lib.figures import pixel_vae as figures
from course_lib.figures.pixel_vae.mask_painter import (
    ALL_A,
    ALL_B,
    BLIND,
    CHOSEN,
    FIRST_A,
    ILLEGAL,
    LATER,
    ONE,
    SEEN,
    SHAPE,
    TWO,
)
from course_lib.figures.pixel_vae.two_noises import SAME_NOISE, SAME_Z

M = 24


def additive(z, noise):
    """A pixel is on where z_1 and its noise together are large: no pixel sees another."""
    return (noise + 0.2 * z[:, :1, None, None] > 0.5).float()


def z_only(z, noise):
    return (z[:, :1, None, None] > 0).float().expand_as(noise)


def noise_only(z, noise):
    return (noise < 0.3).float()


def sources(m=M):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(m, 2, generator=generator), torch.rand(m, 1, 8, 8, generator=generator)


@pytest.fixture(scope="module")
def painter():
    return figures.mask_painter()


@pytest.fixture(scope="module")
def noises():
    return figures.two_noises({"z only": z_only, "noise": noise_only, "both": additive}, *sources())


@pytest.fixture(scope="module")
def depths():
    return figures.depth_explorable()


@pytest.fixture(params=["painter", "noises", "depths"])
def live(request):
    figure = request.getfixturevalue(request.param)
    figure.show(**{control.name: control.value for control in figure.controls})
    return figure


# All three: what holds for every live figure


def test_each_control_changes_the_picture_and_the_readout(live):
    start = live.png(), live.readout
    for control in live.controls:
        for value in control.grid():
            if value != control.value:
                live.show(**{control.name: value})
                assert live.readout != start[1] or live.png() != start[0], (control.name, value)
                assert live.png() != start[0], (control.name, value)
        live.show(**{control.name: control.value})
        assert (live.png(), live.readout) == start


def test_blit_equals_full_draw_in_every_corner(live):
    ends = [(control.grid()[0], control.grid()[-1]) for control in live.controls]
    for corner in itertools.islice(itertools.product(*ends), 0, None, 3):
        live.show(**dict(zip([c.name for c in live.controls], corner, strict=True)))
        blitted = live.blit.pixels().copy()
        live.blit.canvas.draw()
        assert np.array_equal(blitted, live.blit.pixels()), corner


def test_the_page_without_a_kernel_is_small_and_has_every_state(live):
    page = live.to_html().encode()
    assert len(page) < 3_000_000
    assert len(gzip.compress(page)) < 600_000
    stored = re.search(rb'<script type="application/json">(.*?)</script>', page)[1]
    table = json.loads(stored)
    states = np.prod([len(control.grid()) for control in live.controls])
    assert len(table["readouts"]["at"]) == states


def test_a_redraw_costs_at_most_one_and_a_half_bare_draws(live):
    """Interleaved CPU times, so that other work on the machine falls on both."""

    def cpu(action):
        began = time.process_time()
        action()
        return time.process_time() - began

    bare, redraw = [], []
    for _ in range(9):
        bare.append(cpu(live.blit.canvas.draw))
        redraw.append(cpu(lambda: (live.blit.draw(), live.png())))
    assert median(redraw) < 1.5 * median(bare)


def test_text_is_at_least_nine_points(live):
    for text in live.figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        if text.get_text() and text.get_visible():
            assert text.get_fontsize() >= 9, text


def test_the_alternative_text_names_what_each_axis_shows(live):
    assert len(live.alt) > 100
    assert live.alt.endswith(".")


# The mask painter


def test_it_opens_at_the_blind_spot(painter):
    painter.show(**{control.name: control.value for control in painter.controls})
    assert painter.readout.startswith(
        "52 of 58 earlier pixels, 0 other pixels: a valid density, with a"
    )


@pytest.mark.parametrize("kinds", [FIRST_A, ALL_B, ALL_A])
@pytest.mark.parametrize("stack", [ONE, TWO])
@pytest.mark.parametrize(("size", "layers"), [(3, 1), (3, 8), (5, 2), (7, 3)])
@pytest.mark.parametrize("at", [(0, 0), (6, 4), (2, 8)])
def test_what_is_painted_and_said_is_what_was_counted(painter, kinds, stack, size, layers, at):
    row, column = at
    readout = painter.show(
        kinds=kinds, size=size, stack=stack, layers=layers, row=row, column=column
    )
    first, later = {FIRST_A: "AB", ALL_B: "BB", ALL_A: "AA"}[kinds]
    letters = first + later * (layers - 1)
    network = (one_stack if stack == ONE else two_stacks)(letters, size)
    seen = seen_pixels(network, SHAPE, *at)
    count = count_seen(seen, *at)
    assert readout.startswith(f"{count.seen} of {count.legal} earlier pixels, {count.illegal} oth")
    assert f"{size}x{size}, masks {letters}" in readout
    assert painted(painter) == expected(seen, *at)
    assert marked(painter, 0) == {p for p, c in expected(seen, *at).items() if c == BLIND}
    assert marked(painter, 1) == {p for p, c in expected(seen, *at).items() if c == ILLEGAL}
    assert marked(painter, 2) == {at}


def painted(live):
    image = live.figure.axes[0].images[0].get_array()
    return {(r, c): tuple(image[r, c].astype(np.float32)) for r, c in np.ndindex(*SHAPE)} | {}


def expected(seen, row, column):
    colours = {}
    for r, c in np.ndindex(*SHAPE):
        early, sees = (r, c) < (row, column), bool(seen[r, c])
        colour = {(1, 1): SEEN, (1, 0): BLIND, (0, 1): ILLEGAL, (0, 0): LATER}[early, sees]
        if (r, c) == (row, column) and not sees:
            colour = CHOSEN
        colours[r, c] = tuple(np.float32(colour))
    return colours


def marked(live, line):
    """The (row, column) of every mark of one kind."""
    x, y = live.figure.axes[0].lines[line].get_data()
    return set(zip(map(int, y), map(int, x), strict=True))


def outline_length(live):
    x = np.array(live.figure.axes[0].lines[3].get_xdata(), float)
    return np.isnan(x).sum()


def test_the_readers_functions_paint_the_field_and_the_librarys_is_dashed():
    mine = figures.mask_painter(masked_kernel, shift_down, shift_right)
    assert mine.readout == figures.mask_painter().readout
    # a staircase of 7 rows and 9 columns has the border of its box
    assert outline_length(mine) == 2 * (7 + 9)
    assert outline_length(figures.mask_painter()) == 0
    assert mine.show(stack=TWO).startswith("58 of 58")


def test_the_readers_functions_are_told_every_control():
    asked = []

    def own(kind, size):
        asked.append((kind, size))
        return masked_kernel(kind, size)

    mine = figures.mask_painter(own)
    asked.clear()
    mine.show(size=5, layers=3, kinds=ALL_B)
    assert set(asked) == {("B", 5)}
    mine.show(kinds=FIRST_A)
    assert asked[-3:] == [("A", 5), ("B", 5), ("B", 5)]


def test_a_wrong_mask_paints_what_it_does():
    mine = figures.mask_painter(lambda kind, size: torch.ones(size, size))
    assert "not a density: a pixel sees itself or later pixels" in mine.readout


def test_a_wrong_shift_shows_in_two_stacks_only():
    mine = figures.mask_painter(own_down=lambda x: x)
    assert mine.readout.startswith("52 of 58 earlier pixels, 0 other pixels")
    assert "not a density" in mine.show(stack=TWO)


@pytest.mark.parametrize("stack", [ONE, TWO])
def test_an_unfinished_function_leaves_the_librarys_field(stack):
    def own_kernel(kind, size):
        raise NotImplementedError("masked_kernel")

    def own_right(x):
        raise NotImplementedError("shift_right")

    mine = figures.mask_painter(own_kernel, own_right=own_right)
    missing = "masked_kernel" if stack == ONE else "shift_right"
    said = mine.show(stack=stack)
    assert f"not started yet: {missing}; the library's field is shown" in said
    assert said.splitlines()[0] == figures.mask_painter().show(stack=stack).splitlines()[0]


def test_a_function_that_fails_is_one_calm_line():
    mine = figures.mask_painter(lambda kind, size: torch.ones(2, 2))
    assert "ValueError" in mine.readout
    assert "Traceback" not in mine.readout


# Two noises


@pytest.mark.parametrize(("model", "draw"), [("z only", z_only), ("noise", noise_only)])
def test_the_bars_are_the_shares_of_variance(noises, model, draw):
    z, noise = sources()
    x = draw(z.repeat_interleave(M, 0), noise.repeat(M, 1, 1, 1)).reshape(M, M, 8, 8)
    shares = variance_shares(x)
    said = noises.show(model=model)
    bars = [bar.get_width() for bar in noises.figure.axes[2].patches]
    assert bars == pytest.approx([max(share, 0) for share in shares])
    texts = [text.get_text() for text in noises.figure.axes[2].texts]
    assert texts == [f"{max(share, 0):.0%}" for share in shares]
    assert all(text in said for text in texts)


def test_what_is_held_stays_and_the_other_source_is_new(noises):
    def shown():
        sheet = np.array(noises.figure.axes[0].images[0].get_array())
        corners = itertools.product((0, 9), range(0, 72, 9))
        return {sheet[r : r + 8, c : c + 8].tobytes() for r, c in corners}

    noises.show(model="z only", held=SAME_Z)
    assert len(shown()) == 1
    noises.show(model="noise", held=SAME_NOISE)
    assert len(shown()) == 1
    noises.show(model="noise", held=SAME_Z)
    assert len(shown()) == 16


def test_the_average_is_over_all_draws_of_the_other_source(noises):
    noises.show(model="both", held=SAME_Z, draw=3)
    z, noise = sources()
    mean = additive(z[2].expand(M, -1), noise).mean(0)[0]
    assert np.allclose(noises.figure.axes[1].images[0].get_array(), mean)
    noises.show(held=SAME_NOISE, draw=5)
    mean = additive(z, noise[4].expand(M, -1, -1, -1)).mean(0)[0]
    assert np.allclose(noises.figure.axes[1].images[0].get_array(), mean)


@pytest.mark.parametrize(
    ("samplers", "z", "noise", "message"),
    [
        ({}, *sources(), "samplers: expected at least one model"),
        ({"a": additive}, *sources(15), "z, noise: expected shapes"),
        ({"a": additive}, sources()[0], torch.rand(M, 3, 8, 8), "z, noise: expected shapes"),
        ({"a": lambda z, u: u[:, 0]}, *sources(), "samplers: expected images of shape"),
    ],
)
def test_wrong_sources_are_refused_by_name(samplers, z, noise, message):
    with pytest.raises(ValueError, match=message):
        figures.two_noises(samplers, z, noise)


# Depth


def test_the_readout_gives_the_shipped_figures_and_the_lines_show_them(depths):
    found = figures.trained_depths()
    nats, use = depths.figure.axes[:2]
    curves = [line.get_ydata() for line in nats.lines if line.get_linestyle() == "-"]
    for curve, name in zip(curves, ("twin", "bound"), strict=True):
        assert curve == pytest.approx([getattr(at, name).mean() for at in found.values()])
    curves = [line.get_ydata() for line in use.lines if line.get_linestyle() == "-"]
    for curve, name in zip(curves, ("kl", "information"), strict=True):
        assert curve == pytest.approx([getattr(at, name).mean() for at in found.values()])
    for layers, at in found.items():
        said = depths.show(layers=layers)
        assert f"PixelVAE at most {at.bound.mean():.2f}" in said
        assert f"KL {at.kl.mean():.2f}" in said
        assert f"I_q {at.information.mean():.2f}" in said
        assert np.array_equal(depths.figure.axes[2].images[0].get_array()[:8, :8], at.samples[0, 0])


def test_one_layer_beats_both_parents_at_every_depth_measured():
    found = figures.trained_depths()
    assert found[1].bound.max() < found[0].bound.min()
    assert all(at.bound.max() < at.twin.min() for at in found.values())
    twins = [at.twin.mean() for at in found.values()]
    assert twins == sorted(twins, reverse=True)
    assert found[1].kl.mean() < found[0].kl.mean()
    assert all(0 < at.information.mean() < at.kl.mean() for at in found.values())


def test_one_point_of_the_shipped_grid_can_be_trained_again():
    """The cheapest one, the twin of one layer, about ten seconds: its exact -log p."""
    sys.path[:0] = [str(ROOT / "tests" / "benchmarks")]
    import pixel_depth

    torch.set_num_threads(1)
    shipped = figures.trained_depths()[1].twin
    again = pixel_depth.twin(1, seed=0)
    assert abs(again - shipped[0]) < 0.15
    assert shipped.min() - 0.15 < again < shipped.max() + 0.15


# The ladder


def test_the_ladder_says_each_number():
    from course_lib.evaluation import Estimate

    picture = figures.ladder(
        {"coins": Estimate(24.5, 0.4)}, {"PixelVAE": Estimate(16.4, 0.3)}, k=100
    )
    assert "coins 24.50" in picture.alt
    assert "PixelVAE 16.40" in picture.alt
