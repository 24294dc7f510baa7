import itertools
import re
import sys

import numpy as np
import pytest
import torch
from notebook_runs import ROOT

from course_lib.data import toys
from course_lib.distributions import AffineAutoregressive, MaskedMLP
from course_lib.exact import banana
from course_lib.figures import autoregressive_flows as figures
from course_lib.figures.autoregressive_flows import rings_line
from course_lib.figures.autoregressive_flows.layers import TEST
from course_lib.figures.autoregressive_flows.plane import density_image
from course_lib.figures.autoregressive_flows.rings_line import NODES, PLACES, STEP, UNITS
from course_lib.figures.autoregressive_flows.stack import BASES, Stack, maf_log_prob, moons_layers

sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
import fit_monotone
import train_moons

NUMBER = r"(-?[\d.]+(?:e[+-]\d+)?)"
TERMS = re.compile(rf"log p\(x\) {NUMBER} = log \S+ {NUMBER} - log-dets of (\d) layers? {NUMBER};")


@pytest.fixture(scope="module")
def layers():
    return figures.layer_by_layer()


@pytest.fixture(scope="module")
def network():
    return figures.monotone_network()


def pixels_of(live, **state):
    live.show(**state)
    return live.blit.pixels().copy()


def random_stack(depth=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    layers = [AffineAutoregressive(2, (16,), order=torch.tensor(o)) for o in ([0, 1], [1, 0]) * 2]
    for parameter in (p for layer in layers for p in layer.parameters()):
        parameter.data.normal_(0, 0.4, generator=draw)
    return Stack(layers[:depth])


# --- one stack, two bases


@pytest.mark.parametrize("depth", range(4))
def test_both_bases_give_one_density_and_the_same_samples(depth):
    stack = random_stack()
    x = 2 * torch.randn(500, 2, dtype=torch.float64)
    gaussian, autoregressive = (stack.log_prob(x, depth, base) for base in BASES)
    assert torch.allclose(gaussian, autoregressive, rtol=1e-12, atol=1e-12)
    samples = [stack.points(x, depth, base) for base in BASES]
    assert torch.allclose(*samples, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("base", BASES)
def test_the_density_of_a_stack_integrates_to_one(base):
    axis = torch.linspace(-9, 9, 361, dtype=torch.float64)
    nodes = torch.cartesian_prod(axis, axis)
    stack = Stack(moons_layers())
    mass = stack.log_prob(nodes, len(stack), base).exp().sum() * float(axis[1] - axis[0]) ** 2
    assert abs(mass - 1) < 2e-3  # sharp ridges on a grid of 0.05


@pytest.mark.parametrize("base", BASES)
def test_samples_have_the_density_that_is_drawn(base):
    stack = random_stack()
    z = torch.randn(400, 2, dtype=torch.float64)
    x = stack.points(z, 3, base)
    log_det = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda one: push(stack, one), point).logdet()
            for point in z[:20]
        ]
    )
    log_z = maf_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))[:20]
    assert torch.allclose(stack.log_prob(x[:20], 3, base), log_z - log_det, atol=1e-9)


def push(stack, z):
    for layer in stack.layers:
        z = layer(z[None])[0][0]
    return z


def test_the_conditioners_run_from_the_data_to_the_prior():
    stack = random_stack(2)
    x = torch.randn(5, 2, dtype=torch.float64)
    last, prior = stack.conditioners(2)
    assert torch.equal(last(x)[0], stack.layers[1].conditioner(x)[0])
    assert torch.equal(prior(x)[0], stack.layers[0].conditioner(x)[0])
    assert stack.conditioners(0) == []


def test_the_stored_layers_fit_the_moons_as_their_training_says():
    assert train_moons.kl(moons_layers()) < 0.12
    _, divergence = train_moons.train(steps=300)
    gaussian = 0.87
    assert train_moons.kl(moons_layers()) < divergence < gaussian


# --- the explorable of the layers


def test_it_opens_at_a_flow_close_to_the_moons(layers):
    assert layers.state == {"depth": 6, "base": "Gaussian"}
    assert float(re.search(rf"KL\(data, p\) {NUMBER}", layers.readout)[1]) < 0.2


def test_the_switch_changes_no_pixel(layers):
    for depth in range(7):
        pictures = [pixels_of(layers, depth=depth, base=base) for base in BASES]
        assert np.array_equal(*pictures), depth


def test_each_layer_changes_both_pictures(layers):
    seen = []
    for depth in range(7):
        layers.update(depth=depth, base="Gaussian")
        points, image = layers.dynamic[0].get_xydata(), np.asarray(layers.dynamic[1].get_array())
        assert not any(np.allclose(points, p) or np.allclose(image, i) for p, i in seen)
        seen.append((points.copy(), image.copy()))


def test_the_terms_add_up_and_the_bases_agree_in_every_state(layers):
    for depth, base in itertools.product(range(7), BASES):
        readout = layers.update(depth=depth, base=base)
        total, log_base, count, log_det = map(float, TERMS.match(readout).groups())
        assert abs(total - (log_base - log_det)) < 2e-4
        assert count == depth - (base == "autoregressive" and depth > 0)
        difference = float(re.search(rf"points: {NUMBER}", readout)[1])
        assert difference < 1e-12
    assert f"{TEST:,} test points" in readout


def test_the_drawn_density_is_the_computed_one_with_x_1_across(layers):
    layers.update(depth=6, base="Gaussian")
    drawn = np.asarray(layers.dynamic[1].get_array()) ** 2
    stack, (left, right, low, high) = Stack(moons_layers()), layers.dynamic[1].get_extent()
    side = drawn.shape[0]
    for row, column in ((20, 70), (55, 15), (44, 60)):
        x_1 = left + (right - left) * (column + 0.5) / side
        x_2 = low + (high - low) * (row + 0.5) / side
        point = torch.tensor([[x_1, x_2]], dtype=torch.float64)
        density = float(stack.log_prob(point, 6, BASES[0]).exp())
        assert drawn[row, column] == pytest.approx(density, rel=1e-4)  # pixels are float32


def test_a_blitted_redraw_equals_a_full_draw(layers, network):
    for live, states in (
        (layers, ({"depth": 0}, {"depth": 3, "base": "autoregressive"})),
        (network, ({"units": 7}, {"x_1": 2.5, "units": 2})),
    ):
        for state in states:
            blitted = pixels_of(live, **state)
            live.blit.canvas.draw()
            assert np.array_equal(blitted, live.blit.pixels())


def stacked(x, layers):
    total = torch.zeros_like(x[:, 0])
    for layer in layers:
        shift, log_scale = layer(x)
        x = (x - shift) * (-log_scale).exp()
        total = total - log_scale.sum(-1)
    return total + maf_log_prob(x, torch.zeros_like(x), torch.zeros_like(x))


def test_the_readers_functions_are_drawn_with_the_library_dashed():
    for mine in (
        figures.layer_by_layer(stacked_log_prob=stacked),
        figures.layer_by_layer(maf_log_prob=maf_log_prob),
    ):
        for depth, base in ((6, "Gaussian"), (3, "autoregressive"), (0, "Gaussian")):
            assert "is the library's at every test point" in mine.show(depth=depth, base=base)
        assert mine.dynamic[2].get_segments()


def test_a_wrong_density_of_the_reader_is_told_and_drawn():
    wrong = figures.layer_by_layer(stacked_log_prob=lambda x, layers: stacked(x, layers[::-1]))
    assert "differs from the library's, dashed, by up to" in wrong.readout
    right = np.asarray(figures.layer_by_layer().dynamic[1].get_array())
    assert not np.allclose(np.asarray(wrong.dynamic[1].get_array()), right)
    prior = figures.layer_by_layer(maf_log_prob=lambda x, m, s: maf_log_prob(x, m, -s))
    assert "differs" in prior.show(base="autoregressive")
    scalar = figures.layer_by_layer(stacked_log_prob=lambda x, layers: x.sum())
    assert "expected shape" in scalar.readout


def test_an_unfinished_function_leaves_the_library():
    def stacked_log_prob(x, layers):
        raise NotImplementedError("stacked_log_prob")

    mine = figures.layer_by_layer(stacked_log_prob=stacked_log_prob)
    assert "not started yet: stacked_log_prob" in mine.readout
    image = np.asarray(mine.dynamic[1].get_array())
    assert np.array_equal(image, np.asarray(figures.layer_by_layer().dynamic[1].get_array()))


# --- the monotone network


@pytest.mark.parametrize("x_1", PLACES)
def test_every_stored_network_grows_and_gives_a_density(x_1):
    for units in UNITS:
        z, log_slope = rings_line.monotone(NODES, *rings_line.stored(x_1, units))
        assert (z.diff() > 0).all()
        assert abs(float(rings_line.log_density(z, log_slope).exp().sum()) * STEP - 1) < 1e-3


@pytest.mark.parametrize(("x_1", "bumps"), [(0.0, 6), (1.5, 4), (2.5, 2)])
def test_one_unit_for_each_bump_is_enough(x_1, bumps):
    density = rings_line.target(x_1).exp()
    peaks = (density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])
    assert int((peaks & (density[1:-1] > 0.05)).sum()) == bumps
    found = [divergence(x_1, units) for units in UNITS]
    assert found[bumps - 1] < 0.06 < found[0]
    assert all(after < before + 2e-3 for before, after in itertools.pairwise(found))


def divergence(x_1, units):
    return rings_line.kl(
        x_1, rings_line.log_density(*rings_line.monotone(NODES, *rings_line.stored(x_1, units)))
    )


def test_one_unit_is_the_affine_layer():
    _, log_slope = rings_line.monotone(NODES, *rings_line.stored(0.0, 1))
    assert torch.allclose(log_slope, log_slope[0].expand_as(log_slope), atol=1e-6)
    mass = rings_line.target(0.0).exp() * STEP
    variance = float((mass * NODES.square()).sum())
    assert float((-2 * log_slope[0]).exp()) == pytest.approx(variance, rel=1e-3)


def test_a_stored_network_is_what_its_script_finds():
    _, kl = fit_monotone.fit(2.5, 2)
    assert kl == pytest.approx(divergence(2.5, 2), abs=2e-3)


def test_the_readout_follows_the_controls(network):
    assert "one unit: f is a straight line" in network.show(units=1, x_1=0.0)
    for x_1, units in ((0.0, 6), (1.5, 12), (2.5, 2)):
        readout = network.show(units=units, x_1=x_1)
        numbers = re.search(rf"slope {NUMBER}   mass {NUMBER}   KL\(rings, p\) {NUMBER}", readout)
        slope, mass, kl = map(float, numbers.groups())
        assert 0 < slope < 0.5
        assert mass == 1
        assert kl == pytest.approx(divergence(x_1, units), abs=1e-3)


def test_each_control_of_the_network_changes_what_it_should(network):
    def drawn():
        return [line.get_ydata().copy() for line in network.dynamic[:3]], network.dynamic[
            6
        ].get_paths()[0].vertices.copy()

    network.update(units=3, x_1=0.0)
    curves, area = drawn()
    network.update(units=4, x_1=0.0)
    more, same_area = drawn()
    assert all(not np.allclose(a, b) for a, b in zip(curves, more, strict=True))
    assert np.array_equal(area, same_area)
    network.update(units=4, x_1=1.5)
    assert not np.array_equal(area, drawn()[1])


def test_the_readers_network_is_drawn_with_the_library_dashed():
    mine = figures.monotone_network(lambda x, *p: rings_line.monotone(x, *p))
    assert mine.show(units=5).endswith("your function gives a density")
    assert all(line.get_visible() for line in mine.dynamic[:6])
    assert np.array_equal(mine.dynamic[2].get_ydata(), mine.dynamic[5].get_ydata())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda x, a, b, w: (-x, torch.zeros_like(x)), "not monotone"),
        (lambda x, a, b, w: (x, torch.full_like(x, 0.5)), "not a density"),
        (lambda x, a, b, w: (x[:, None], x), "ValueError"),
        (lambda x, a, b, w: x, "expected"),
    ],
)
def test_a_wrong_network_is_told(wrong, complaint):
    assert complaint in figures.monotone_network(wrong).readout


def test_an_unfinished_network_leaves_the_library():
    def monotone(x, slope, offset, logits):
        raise NotImplementedError

    mine = figures.monotone_network(monotone)
    assert "not started yet: monotone" in mine.readout
    assert [line.get_visible() for line in mine.dynamic[:6]] == [False] * 3 + [True] * 3


# --- pages and pictures


@pytest.mark.parametrize("make", [figures.layer_by_layer, figures.monotone_network])
def test_the_page_without_a_kernel_is_small(make):
    import gzip

    page = make().to_html().encode()
    assert len(page) < 3e6
    assert len(gzip.compress(page)) < 600e3


def test_area_keeps_its_numbers_and_says_what_is_seen():
    picture = figures.area(lambda z: (2 * z, torch.full_like(z[:, 0], 0.6931471805599453)))
    assert "area stays the same" in picture.alt


def test_the_masks_leave_exactly_the_pairs_that_the_order_allows():
    order = torch.tensor([2, 0, 3, 1])
    network = MaskedMLP(4, (12, 12), 1, order=order)
    paths = network.layers[0].mask
    for layer in network.layers[1:]:
        paths = layer.mask @ paths
    assert torch.equal(paths > 0, order[:, None] > order)
    assert "none from an input" in figures.masks(network).alt


def test_a_density_image_has_x_1_across_and_x_2_up():
    image = density_image(
        lambda x: torch.where((x[:, 0] > 2) & (x[:, 1] < -2), 0.0, -50.0), (-4, 4, -4, 4), 8
    )
    assert image[0, 7] == 1
    assert image[7, 0] < 1e-9


def test_still_pictures_name_what_they_show():
    rings, board = toys.rings(), toys.Checkerboard()
    assert "rings; board" in figures.plane({"rings": rings, "board": board}).alt
    assert "given x_1 = 1" in figures.conditionals({"rings": rings, "banana": banana}, 1.0).alt
    assert "IAF 0.5" in figures.costs([1, 2], {"IAF": [1.0, 0.5]}, "ratio").alt
    levels = torch.arange(17.0)
    assert "grey levels" in figures.pixel(levels, levels + 0.5, levels - 8).alt
    assert "one, two" in figures.jacobians({"one": torch.eye(3), "two": torch.eye(2)}).alt
