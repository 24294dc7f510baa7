import math

import pytest
import torch

from course_lib.evaluation import linear_probe

pytestmark = pytest.mark.usefixtures("fixed_seed")


def classes(n):
    label = torch.arange(n) % 3
    return torch.randn(n, 2) + 3 * torch.eye(3)[label][:, :2], label


def test_three_shifted_gaussians_are_told_apart_as_well_as_can_be():
    """The best rule is linear; its accuracy comes from 100,000 draws."""
    z, label = classes(100_000)
    centres = 3 * torch.eye(3)[:, :2]
    best = (torch.cdist(z, centres).argmin(1) == label).double().mean().item()
    probe = linear_probe(*classes(600), z, label)
    assert probe.accuracy == pytest.approx(best, abs=0.01)
    assert probe.majority == pytest.approx(1 / 3, abs=0.01)


def test_codes_without_the_class_are_worth_the_commonest_one():
    label = (torch.arange(400) % 4 == 0).long()
    probe = linear_probe(torch.randn(400, 2), label, torch.randn(200, 2), label[:200])
    assert probe.majority == 0.75
    assert probe.accuracy == pytest.approx(0.75, abs=0.03)


def test_the_majority_is_that_of_the_training_part():
    z = torch.randn(6, 1)
    probe = linear_probe(z, torch.tensor([0, 0, 0, 0, 1, 1]), z[:4], torch.tensor([0, 1, 1, 1]))
    assert probe.majority == 0.25


def test_the_scale_of_a_dimension_does_not_matter():
    (z, label), (test_z, test_label) = classes(150), classes(150)
    scale = torch.tensor([1e-4, 1e4])
    one = linear_probe(z, label, test_z, test_label)
    other = linear_probe(z * scale, label, test_z * scale, test_label)
    assert one == other


def test_a_feature_map_is_flattened_and_a_constant_one_does_no_harm():
    z, label = classes(150)
    maps = torch.cat([z, torch.full((150, 2), 7.0)], 1).reshape(150, 2, 1, 2)
    assert linear_probe(maps, label, maps, label) == linear_probe(z, label, z, label)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_z": torch.zeros(0, 2)}, "train_label: expected one for each"),
        ({"test_label": torch.zeros(3).long()}, "test_label: expected one for each"),
        ({"train_z": torch.full((4, 2), math.nan)}, "train_z: expected finite"),
        ({"test_z": torch.zeros(4, 3)}, "test_z: expected 2 numbers, got 3"),
        ({"train_label": torch.zeros(4).long()}, "two classes or more"),
    ],
)
def test_bad_codes_are_refused(change, words):
    label = torch.tensor([0, 1, 0, 1])
    good = {"train_z": torch.randn(4, 2), "train_label": label}
    good |= {"test_z": torch.randn(4, 2), "test_label": label}
    with pytest.raises(ValueError, match=words):
        linear_probe(**{**good, **change})
