"""Files that are nearly a model: one that is, with some of it changed.

    mutant(form, content, random)     form: "json", "ubjson" (of what is given as JSON), "text"

Bytes are turned over, cut and doubled, as a bad disk and a bad network do; and what the file means
is changed where the bytes would only break it: numbers go out of their range, values become ones of
another type, children point at other nodes, keys go and come twice. The same `random` gives the
same file. Standard library only.
"""
import copy
import json
import math
import re
import struct

EDITS_MAX = 3
NUMBERS = [0, 1, -1, 2, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1,
           2**63 - 1, -2**31, -2**63, 0.5, -0.5, 1e-320, 1e38, 1e39, -1e39, 1e308, math.nan,
           math.inf, -math.inf]
OTHERS = [None, True, False, "", "0", "x", "5E-1", "\x00", "\u00e9" * 200, [], {}, [[]], [0] * 300,
          {"a": 1}]
BYTES = [0, 1, 0x7F, 0x80, 0xC0, 0xFF, *b'{}[]":,=-+.eE0123456789$#LlUiSZTFNdD \n']
HUGE = [b"1e999", b"-1e999", b"99999999999999999999", b"-99999999999999999999", b"NaN", b"nan",
        b"Infinity", b"inf", b"-0", b"0x10", b"1.5", b"-1", b"4294967296", b"2147483647", b"1e-400",
        b"", b"null", b"true"]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
DEEP = 100000


def mutant(form, content, chance):
    kinds = {"json": [json_mutant, json_mutant, json_text_mutant, bytes_mutant],
             "ubjson": [ubjson_mutant, ubjson_mutant, ubjson_bytes_mutant],
             "text": [text_mutant, text_mutant, text_mutant, bytes_mutant]}[form]
    return chance.choice(kinds)(content, chance)


def written(form, content):
    """As it is, in its form."""
    return ubjson(json.loads(content)) if form == "ubjson" else content


# ---- bytes -----------------------------------------------------------------------------------

def flip(data, chance):
    if data:
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)


def overwrite(data, chance):
    if data:
        data[chance.randrange(len(data))] = chance.choice(BYTES)


def insert(data, chance):
    at = chance.randrange(len(data) + 1)
    data[at:at] = bytes(chance.choice(BYTES) for _ in range(chance.randint(1, 16)))


def cut_out(data, chance):
    at = chance.randrange(len(data) + 1)
    del data[at:at + chance.choice([1, 2, 8, 64, 4096])]


def cut_off(data, chance):
    del data[chance.randrange(len(data) + 1):]


def double(data, chance):
    at = chance.randrange(len(data) + 1)
    length = chance.choice([1, 8, 64, 4096])
    data[at:at] = data[at:at + length]


def move(data, chance):
    at, length = chance.randrange(len(data) + 1), chance.choice([4, 32, 256])
    part = data[at:at + length]
    del data[at:at + length]
    to = chance.randrange(len(data) + 1)
    data[to:to] = part


def bytes_mutant(content, chance):
    data = bytearray(content)
    for _ in range(chance.randint(1, EDITS_MAX)):
        chance.choice([flip, overwrite, insert, cut_out, cut_off, double, move])(data, chance)
    return bytes(data)


# ---- text: numbers and lines -----------------------------------------------------------------

def other_number(content, chance):
    found = list(NUMBER.finditer(content))
    if not found:
        return content
    at = chance.choice(found)
    by = chance.choice([chance.choice(HUGE), str(chance.choice(NUMBERS)).encode(),
                        str(chance.randint(-300, 300)).encode()])
    return content[:at.start()] + by + content[at.end():]


def swapped_numbers(content, chance):
    found = list(NUMBER.finditer(content))
    if len(found) < 2:
        return content
    one, two = sorted(chance.sample(found, 2), key=lambda m: m.start())
    return (content[:one.start()] + two[0] + content[one.end():two.start()] + one[0] +
            content[two.end():])


def lines_changed(content, chance):
    lines = content.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    what = chance.randrange(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(chance.randrange(len(lines)), lines[at])
    elif what == 2:
        lines.insert(at, lines.pop(chance.randrange(len(lines))))
    else:
        lines[at] = lines[at].rstrip(b"\n") * chance.choice([2, 50]) + b"\n"
    return b"".join(lines)


def words_changed(content, chance):
    words = re.split(rb"(\s+)", content)
    at, other = chance.randrange(len(words)), chance.randrange(len(words))
    what = chance.randrange(3)
    if what == 0:
        del words[at]
    elif what == 1:
        words[at], words[other] = words[other], words[at]
    else:
        words[at:at] = words[other:other + chance.choice([1, 20])]
    return b"".join(words)


def text_mutant(content, chance):
    for _ in range(chance.randint(1, EDITS_MAX)):
        edit = chance.choice([other_number, other_number, swapped_numbers, lines_changed,
                              words_changed])
        content = edit(content, chance) or b"\n"
    return content


# ---- JSON: values ----------------------------------------------------------------------------

def containers(value):
    """Each list and object that has something in it."""
    if isinstance(value, (dict, list)) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from containers(inner)


def a_place(tree, chance):
    """A container and a key or index in it; large arrays are no likelier than small objects."""
    of = chance.choice(list(containers(tree)))
    return of, chance.choice(list(of) if isinstance(of, dict) else range(len(of)))


def other_value(tree, chance):
    of, key = a_place(tree, chance)
    of[key] = copy.deepcopy(chance.choice([chance.choice(NUMBERS), chance.choice(OTHERS),
                                           chance.randint(-3, 300)]))


def nudged(tree, chance):
    """A number near the one that was there: a child that is another node, a feature that is not."""
    for _ in range(20):
        of, key = a_place(tree, chance)
        if isinstance(of[key], (int, float)) and not isinstance(of[key], bool):
            of[key] += chance.choice([-1, 1, 2, -of[key], len(of), len(of) - 1 - of[key]])
            return


def gone(tree, chance):
    of, key = a_place(tree, chance)
    del of[key]


def grown(tree, chance):
    of, key = a_place(tree, chance)
    if isinstance(of, list):
        of[key:key] = copy.deepcopy([of[key]] * chance.choice([1, 1, 40]))
    else:
        of[f"{key}_"] = of.pop(key)


def swapped(tree, chance):
    (one, k), (two, m) = a_place(tree, chance), a_place(tree, chance)
    one[k], two[m] = copy.deepcopy(two[m]), copy.deepcopy(one[k])


def changed(content, chance):
    tree = json.loads(content)
    for _ in range(chance.randint(1, EDITS_MAX)):
        if any(containers(tree)):
            chance.choice([other_value, nudged, nudged, gone, grown, swapped])(tree, chance)
    return tree


def json_mutant(content, chance):
    return json.dumps(changed(content, chance), separators=(",", ":")).encode()


def json_text_mutant(content, chance):
    """What no JSON value has: a key twice, numbers beyond all types, depth without end."""
    what = chance.randrange(4)
    if what == 0:
        at = chance.choice(list(re.finditer(rb'"[a-z_]+":', content)))
        return content[:at.start()] + at[0] + b"0," + content[at.start():]
    if what == 1:
        at = chance.choice(list(re.finditer(rb'"[a-z_]+":', content)))
        opening = chance.choice([b"[", b'{"a":'])
        return content[:at.end()] + opening * chance.choice([20, 3000, DEEP]) + content[at.end():]
    return text_mutant(content, chance) if what == 2 else other_number(content, chance)


# ---- UBJSON ----------------------------------------------------------------------------------

def ubjson(value):
    """As XGBoost writes it: what is all whole, or all numbers, in an array with its type."""
    if isinstance(value, dict):
        return b"{" + b"".join(ubjson_text(k) + ubjson(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return ubjson_array(value)
    if isinstance(value, str):
        return b"S" + ubjson_text(value)
    if isinstance(value, bool) or value is None:
        return {None: b"Z", True: b"T", False: b"F"}[value]
    if isinstance(value, int) and -2**63 <= value < 2**63:
        return b"L" + struct.pack(">q", value)
    return b"D" + struct.pack(">d", value)


def ubjson_text(text):
    data = text.encode()
    return b"L" + struct.pack(">q", len(data)) + data


def ubjson_array(items):
    def is_int(v, bits):
        return isinstance(v, int) and not isinstance(v, bool) and -2**bits <= v < 2**bits

    count = b"#L" + struct.pack(">q", len(items))
    if items and all(is_int(v, 31) for v in items):
        return b"[$l" + count + struct.pack(f">{len(items)}i", *items)
    if items and all(is_float32(v) for v in items):
        return b"[$d" + count + struct.pack(f">{len(items)}f", *items)
    return b"[" + count + b"".join(ubjson(v) for v in items)


def is_float32(value):
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and (not math.isfinite(value) or abs(value) < 3.4e38))


def ubjson_mutant(content, chance):
    """`content` is JSON; lengths and types are changed, too, once it is UBJSON."""
    data = bytearray(ubjson(changed(content, chance)))
    if chance.random() < 0.3:
        counts = [m.start() for m in re.finditer(rb"#L", data)]
        at = chance.choice(counts) if counts else 0
        data[at + 2:at + 10] = struct.pack(">q", chance.choice([-1, 0, 1, 2**31, 2**62, 2**63 - 1]))
    if chance.random() < 0.3:
        types = [m.start() for m in re.finditer(rb"\[\$", data)]
        at = chance.choice(types) if types else 0
        data[at + 2] = chance.choice(b"ldDLUiIZTFNSC[{")
    return bytes(data)


def ubjson_bytes_mutant(content, chance):
    return bytes_mutant(written("ubjson", content), chance)
