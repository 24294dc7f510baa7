import dataclasses

import numpy as np
import pytest
import torch

from course_lib.data import Examples, split


def test_the_parts_are_disjoint_and_together_the_whole_set():
    x = torch.arange(17.0, dtype=torch.float64).reshape(17, 1)
    cut = split(x, torch.arange(17), validation=3, test=5)
    assert [len(cut.train), len(cut.validation), len(cut.test)] == [9, 3, 5]
    together = torch.cat([cut.train.x, cut.validation.x, cut.test.x])
    assert torch.equal(together.sort(0).values, x)


def test_labels_stay_with_their_examples():
    cut = split(torch.arange(17.0).reshape(17, 1), torch.arange(17), validation=3, test=5)
    for part in (cut.train, cut.validation, cut.test):
        assert torch.equal(part.x[:, 0].long(), part.label)


def test_the_rule_is_the_documented_permutation_last_part_test():
    order = np.random.RandomState(0).permutation(10).tolist()
    assert order == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]  # the stream numpy promises to keep
    cut = split(torch.arange(10.0), None, validation=2, test=3)
    assert cut.test.x.tolist() == order[7:]
    assert cut.validation.x.tolist() == order[5:7]
    assert cut.train.x.tolist() == order[:5]


def test_the_global_random_states_are_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_before = torch.get_rng_state()
    split(torch.arange(10.0), None, validation=2, test=3)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(torch_before, torch.get_rng_state())


@pytest.mark.parametrize("sizes", [(5, 5), (9, 1), (1, 100)])
def test_sizes_that_leave_nothing_to_train_on(sizes):
    with pytest.raises(ValueError, match=r"leave some of the 10 examples"):
        split(torch.arange(10.0), None, validation=sizes[0], test=sizes[1])


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_sizes_that_are_not_positive_integers(size):
    with pytest.raises(ValueError, match=r"^validation: expected a positive integer"):
        split(torch.arange(10.0), None, validation=size, test=1)
    with pytest.raises(ValueError, match=r"^test: expected a positive integer"):
        split(torch.arange(10.0), None, validation=1, test=size)


def test_empty_data():
    with pytest.raises(ValueError, match=r"^x: expected at least one example, got shape \(0, 4\)"):
        split(torch.empty(0, 4), None, validation=1, test=1)


@pytest.mark.parametrize("x", [[1.0], np.zeros(3), torch.arange(3)])
def test_x_must_be_a_floating_point_tensor(x):
    with pytest.raises(TypeError, match=r"^x: expected a floating-point tensor"):
        Examples(x)


def test_there_is_one_int64_label_for_each_example():
    with pytest.raises(ValueError, match=r"^label: expected shape \(3,\)"):
        Examples(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"^label: expected a tensor of torch.int64"):
        Examples(torch.zeros(3, 2), torch.zeros(3))


def test_examples_are_frozen_and_move_with_their_labels():
    cut = split(torch.arange(10.0), torch.arange(10), validation=2, test=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cut.train.x = torch.zeros(1)
    moved = cut.to("meta")
    for part in (moved.train, moved.validation, moved.test):
        assert part.x.device.type == part.label.device.type == "meta"
    assert Examples(torch.zeros(2)).to("meta").label is None
