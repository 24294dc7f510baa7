"""Random damage to a JSON document: what a broken editor or a bored student may hand in."""

import json

ODD = [None, True, -1, 1e400, [], {}, "", "é", "<<<<<<< x", [[]], {"cells": []}, "\ud800", 5]


def places(value, path=()):
    """The path of every value in a document."""
    yield path
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in children:
            yield from places(child, (*path, key))


def damaged(value, dice):
    """A copy of a document with one to four of its values replaced, deleted or doubled."""
    document = {"root": json.loads(json.dumps(value))}
    for _ in range(dice.randint(1, 4)):
        path = dice.choice([path for path in places(document) if path])
        holder, last = document, path[-1]
        for key in path[:-1]:
            holder = holder[key]
        action = dice.randrange(3)
        if action == 0:
            holder[last] = dice.choice(ODD)
        elif action == 1 and last != "root":
            del holder[last]
        elif isinstance(holder, list):
            holder.insert(dice.randrange(len(holder) + 1), holder[last])
    return document["root"]
