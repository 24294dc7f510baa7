"""Plain data crosses between processes unchanged, and nothing else crosses at all."""

import contextlib
import itertools
import math
import random
import string
from collections import Counter, OrderedDict, UserDict, UserList, UserString, deque, namedtuple
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_lib.grading.processes.codec import NotData, decode, encode

Pair = namedtuple("Pair", "left right")
DTYPES = [
    *(torch.bool, torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16),
    *(torch.float32, torch.float64, torch.complex64),
]


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, -7, 2**200, 1.5, -0.0, math.inf, "", "é😀\x00\n", b"\x00\xff"),
        *([], [1, [2, (3, {})]], (), (1,), {}, {1: "a", (2, 3): [4]}, {"t": "tensor"}),
        *({1, 2}, 3 + 4j, range(2, 9, 3), slice(None, 3), "\ud800"),
        *(np.arange(6).reshape(2, 3), np.float32(2.5), np.array(["ab", "c"]), np.zeros((0, 3))),
        *(torch.float32, np.dtype("int8")),
        *(Fraction(-1, 3), Decimal("0.10"), Decimal("Infinity"), date(2024, 2, 29)),
        timedelta(3, 4, 5),
    ],
    ids=repr,
)
def test_data_arrives_as_it_left(value):
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), (2, 3, 4)], ids=str)
def test_tensors_arrive_bit_for_bit(dtype, shape):
    value = (torch.rand(shape) * 4).to(dtype)
    assert same(decode(encode([value, {"again": value}])), [value, {"again": value}])


def test_a_view_a_graph_and_a_parameter_arrive_as_plain_numbers():
    whole = torch.arange(12.0).reshape(3, 4).requires_grad_()
    arrived = decode(encode(whole.T[1:]))
    assert torch.equal(arrived, whole.detach().T[1:])
    assert not arrived.requires_grad
    assert type(decode(encode(torch.nn.Parameter(torch.ones(2))))) is torch.Tensor


def test_what_derives_from_a_plain_type_arrives_as_that_type():
    kind, own = IntEnum("kind", "A B"), type("Own", (Counter,), {"most_common": None})
    arrived = decode(encode([kind.B, own(a=1), torch.Size([2, 3])]))
    assert list(map(type, arrived)) == [int, dict, tuple]
    pair = decode(encode(Pair(1, [2])))
    assert (pair.left, pair.right, isinstance(pair, tuple)) == (1, [2], True)


@pytest.mark.parametrize(
    "value",
    [
        *(object(), lambda: 1, len, int, Exception("x"), torch.nn.Linear(1, 1)),
        *([1, {"a": object()}], np.array([object()]), torch.eye(2).to_sparse(), itertools.count()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_could_carry_code_does_not_leave(value):
    with pytest.raises(NotData):
        encode(value)


def test_what_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(NotData):
        encode(loop)


def message(text, blocks=b""):
    raw = text.encode()
    return len(raw).to_bytes(4, "big") + raw + blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ('{"t":"tensor","dtype":"float32","shape":[3],"v":[0,4]}', b"abcd"),
        ('{"t":"tensor","dtype":"float32","shape":[-1],"v":[0,4]}', b"abcd"),
        ('{"t":"tensor","dtype":"float32","shape":[4611686018427387904,4],"v":[0,0]}', b""),
        ('{"t":"tensor","dtype":"float32","shape":[1],"v":[0,400]}', b"abcd"),
        ('{"t":"tensor","dtype":"float32","shape":[1],"v":[-4,4]}', b"abcd"),
        ('{"t":"tensor","dtype":"save","shape":[1],"v":[0,4]}', b"abcd"),
        ('{"t":"array","dtype":"|O","shape":[1],"v":[0,8],"scalar":false}', b"12345678"),
        (
            '{"t":"array","dtype":"(9999999,999999)f8","shape":[1],"v":[0,8],"scalar":false}',
            b"8" * 8,
        ),
        ('{"t":"tuple","v":[1],"name":"a b","fields":["__init__"]}', b""),
        ('{"t":"tuple","v":[1],"name":"x): pass","fields":["a"]}', b""),
        ('{"t":"tensor","dtype":"float32","shape":[1000],"v":[0,0]}', b""),
        ('{"t":"torch.dtype","v":"save"}', b""),
        ('{"t":"__import__","v":"os"}', b""),
        ('{"t":"dict","v":[[[1],2]]}', b""),
        ('{"t":"dict","v":[[1,2,3]]}', b""),
        ('{"t":"set","v":[[1]]}', b""),
        ('{"t":"Fraction","v":[1,0]}', b""),
        ('{"t":"Fraction","v":["os",[]]}', b""),
        ('{"t":"Decimal","v":["system"]}', b""),
        ('{"t":"Counter","v":[[[[1],2]]]}', b""),
        ('{"t":"date","v":[7]}', b""),
        ('{"t":"DataFrame","v":[[1],null,["a","b"],[[1]]]}', b""),
        ("[" * 100_000, b""),
        ("nonsense", b""),
        ("", b""),
    ],
)
def test_bytes_that_describe_no_data_are_refused(text, blocks):
    with pytest.raises(NotData):
        decode(message(text, blocks))


def test_a_byte_of_two_becomes_a_proper_truth_value():
    text = '{"t":"tensor","dtype":"bool","shape":[2],"v":[0,2]}'
    arrived = decode(message(text, b"\x02\x00"))
    assert arrived.tolist() == [True, False]
    assert arrived.view(torch.uint8).tolist() == [1, 0]


def test_any_bytes_are_data_or_are_refused():
    chance = random.Random(0)
    good = encode({"x": [1, (2.5, torch.ones(3)), np.ones(2)], "y": Pair("a", b"c")})
    for _ in range(2000):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            printable = ord(chance.choice(string.printable))
            broken[chance.randrange(len(broken))] = chance.choice(
                [chance.randrange(256), printable]
            )
        with contextlib.suppress(NotData):
            encode(decode(bytes(broken)))


@pytest.mark.parametrize(
    "value",
    [
        *(deque([1, 2]), {1: 2}.keys(), {1: 2}.items(), {frozenset({1}): 2}, {frozenset()}),
        *(Counter("hello"), Counter()),
        *(OrderedDict([((1, 2), [3])]), UserList([1, {}]), UserDict({1: [2]}), UserString("é")),
    ],
    ids=str,
)
def test_what_is_built_in_comes_as_what_it_was(value):
    arrived = decode(encode([value]))[0]
    assert arrived == value
    assert type(arrived) is type(value)
    assert list(map(type, arrived)) == list(map(type, value))


@pytest.mark.parametrize(
    "make", [lambda: (x for x in "ab"), lambda: map(str, "ab"), {1: "a", 2: "b"}.values]
)
def test_iterators_and_views_come_with_what_they_give(make):
    arrived = decode(encode(make()))
    assert arrived != ["a", "b"]
    assert list(arrived) == ["a", "b"]


@pytest.mark.parametrize(
    "value", [type("Own", (Fraction,), {})(1, 3), type("Own", (UserList,), {})([1])], ids=repr
)
def test_what_derives_from_a_class_of_the_library_does_not_leave(value):
    with pytest.raises(NotData):
        encode(value)
