import math

import pytest
import torch
from torch.nn.functional import avg_pool2d

from course_lib.data import digits, pairs

SIZES = {"train": 1297, "validation": 200, "test": 300}


@pytest.mark.parametrize(("name", "n"), SIZES.items())
def test_shapes_types_and_the_digits_own_split(name, n):
    part, whole = getattr(pairs.load(), name), getattr(digits.load(), name)
    assert len(part) == n
    assert part.x["colour"].shape == (n, 3, 4, 4)
    assert {value.dtype for value in part.x.values()} == {torch.float32}
    assert part.hue.dtype == torch.int64
    assert torch.equal(part.x["grey"], whole.x)
    assert torch.equal(part.label, whole.label)


def test_the_same_pairs_every_time_whatever_the_global_state():
    first = pairs.load().train
    torch.manual_seed(7)
    second = pairs.load().train
    assert torch.equal(first.x["colour"], second.x["colour"])
    assert torch.equal(first.hue, second.hue)


@pytest.mark.parametrize("stay", [0.0, 0.1, 0.7, 1.0])
def test_the_hue_keeps_to_the_class_as_often_as_asked(stay):
    part = pairs.load(stay).train
    share = (part.hue == part.label).float().mean().item()
    assert abs(share - stay) <= 4 * math.sqrt(stay * (1 - stay) / len(part))


def test_a_stray_hue_is_any_of_the_nine_others():
    part = pairs.load(0.0).train
    away = ((part.hue - part.label) % 10).bincount(minlength=10)
    assert away[0] == 0
    expected = len(part) / 9
    assert ((away[1:] - expected).abs() < 4 * math.sqrt(expected)).all()


def test_at_one_tenth_the_hue_is_independent_of_the_digit():
    part = pairs.load(0.1).train
    table = torch.zeros(10, 10).index_put_((part.label, part.hue), torch.ones(len(part)), True)
    joint = table / table.sum()
    product = joint.sum(1, keepdim=True) * joint.sum(0)
    information = (joint * (joint / product).clamp(min=1e-9).log()).sum().item()
    # of n draws from an independent pair: 81 / 2n, the mean of a chi-square with 81 degrees
    assert information < 1.5 * 81 / (2 * len(part))


def test_a_thumbnail_is_the_shrunken_digit_in_its_colour_with_noise():
    part, grey = pairs.load().test, digits.load("grey").test
    clean = pairs.palette()[part.hue][:, :, None, None] * avg_pool2d(grey.x / 16, 2)
    noise = part.x["colour"] - clean
    count = noise.numel()
    assert noise.mean().abs() < 4 * pairs.NOISE / math.sqrt(count)
    assert noise.std().item() == pytest.approx(pairs.NOISE, rel=4 / math.sqrt(2 * count))


def test_the_three_parts_do_not_repeat_one_stream_of_draws():
    cut = pairs.load(0.0)
    away = [(part.hue - part.label)[:200] % 10 for part in (cut.train, cut.validation, cut.test)]
    assert (away[0] == away[1]).float().mean() < 0.25
    assert (away[1] == away[2]).float().mean() < 0.25


def test_colours_are_distinct_valid_and_of_equal_luma():
    colours = pairs.palette()
    assert ((colours >= 0) & (colours <= 1)).all()
    torch.testing.assert_close(colours @ torch.tensor(pairs.LUMA), torch.full((10,), 0.5))
    distance = torch.cdist(colours, colours) + torch.eye(10)
    assert distance.min() > 0.15


def test_every_hue_can_be_read_off_its_thumbnail():
    cut = pairs.load()
    for part in (cut.train, cut.validation, cut.test):
        assert torch.equal(pairs.hue_of(part.x["colour"]), part.hue)


def test_hues_are_read_off_any_batch_and_brightness():
    thumbnails = pairs.palette()[:, :, None, None] * torch.rand(7, 10, 1, 2, 3)
    for brightness in (0.01, 1.0, 100.0):
        found = pairs.hue_of(brightness * thumbnails)
        assert torch.equal(found, torch.arange(10).expand(7, 10))


def test_entropies_against_a_table():
    for stay in (0.0, 0.1, 0.35, 0.7, 1.0):
        row = torch.full((10,), (1 - stay) / 9, dtype=torch.float64)
        row[0] = stay
        entropy = torch.distributions.Categorical(row).entropy().item()
        assert pairs.hue_entropy_given_class(stay) == pytest.approx(entropy, abs=1e-6)
        assert pairs.hue_information(stay) == pytest.approx(math.log(10) - entropy, abs=1e-6)


@pytest.mark.parametrize("stay", [-0.1, 1.1, math.nan, True, "0.7", None])
def test_what_is_no_probability_is_refused(stay):
    for function in (pairs.load, pairs.hue_entropy_given_class, pairs.hue_information):
        with pytest.raises(ValueError, match="stay: expected a probability"):
            function(stay)


def test_pairs_move_together():
    moved = pairs.load().to("meta").test
    everything = (*moved.x.values(), moved.label, moved.hue)
    assert {value.device.type for value in everything} == {"meta"}
