"""Differences that stay: (name, does it hold of a Case, why). "langdef" is the specification.

A predicate is as narrow as it can be: what it takes is not looked at again.
"""
import re

from signatures import KEYS

SELECTS = re.compile(r"^\$(\.\??[\w`-]|\[)|^has\(")
# What a constant may not be: said when the expression is compiled, by these words of ours.
BAD_CONSTANT = ("this is no time zone", "this is no IP address", "this is no network",
                "invalid pattern", "division by zero", "overflow")


def ours_says(case, *texts):
    return case.ours[0] == "error" and any(text in case.ours[1] for text in texts)


def refused_constant(case):
    """A constant that can only fail is refused at load, even where a run would not reach it."""
    refused = case.our_type is not None and case.our_type[0] == "error"
    return refused and case.their_type[0] == "type" and ours_says(case, *BAD_CONSTANT)


def is_select(node):
    return bool(node.kids) and bool(SELECTS.match(node.form))


def selects_twice(case):
    """Within the expression, a selection from an optional that itself was selected."""
    return any(is_select(n) and n.kids[0].kind[0] == "optional"
               and any(is_select(k) and k.kind[0] == "optional" for k in n.kids[0].walk())
               for n in case.node.walk())


def empty_item(case):
    """Both fail, and only one saw it coming; or cel-go took the first overload it came upon."""
    first = re.search(r"found no matching overload|expected type 'optional_type\(_var",
                      str(case.theirs[1])) or ours_says(case, "does not take", "does not work on")
    fails = first or case.fault() in ("type", "refused when compiled, or not")
    return fails and re.search(r"\[\]|\{\}|optional\.none\(\)|dyn\(.*\.value\(\)", case.expr)


def has_other_key(case):
    """A map is written with a key that only a run sees to be none: dyn(), or a wrapper's null."""
    return any(part.kind not in KEYS or part.form in ("wb", "ws", "wi")
               for node in case.node.walk() if node.form.startswith("{")
               for kid in node.kids[::2] for part in kid.walk())


def compares_nan(case):
    """Of values that cannot be compared one is NaN, and that is all cel-go looks at."""
    return (ours_says(case, "no such overload") and re.search(r" [<>]=? ", case.expr)
            and re.search(r"NaN|Infinity|/|double|sqrt", f"{case.row['bindings']} {case.expr}"))


def names(case):
    return {name for node in case.node.walk() for name in node.names}


# The first that holds counts.
EXPLAINED = [
    ("constant refused at load", refused_constant,
     "ours refuses a constant that can only fail when it compiles; cel-go when it gets there"),
    # Where cel-go departs from the specification.
    ("repeated key", lambda case: ours_says(case, "repeated key"),
     "langdef, Aggregate Values: duplicate keys are an error; cel-go keeps the last"),
    ("key of another type", lambda case: ours_says(case, "a key is a bool, int, uint or string")
     or ours_says(case, "invalid argument") and has_other_key(case),
     "langdef, Aggregate Values: a key is an int, uint, bool or string; cel-go takes any"),
    ("key of optional.none()", lambda case: case.fault() == "value or error"
     and case.ours[0] == "error" and any(
         is_select(n) and n.kids[0].kind[0] == "optional" and any(k.kids for k in n.kids[1:])
         for n in case.node.walk()),
     "langdef, Evaluation: arguments are evaluated, and an error is the result; cel-go leaves the "
     "key out where there is nothing to look in"),
    ("empty text as a list", lambda case: ours_says(case, "no such overload") and re.search(
        r"dyn\(.*\)\.(all|exists|exists_one|map|filter|transform)", case.expr),
     "langdef, Macros: they go through lists and maps; cel-go lets dyn('') pass as empty"),
    ("NaN and what has no order", compares_nan,
     "langdef, Ordering: a timestamp and a double have none; cel-go says false where one is NaN"),
    ("!!", lambda case: "!!" in case.expr and ours_says(case, "no such overload", "'!' wants bool"),
     "cel-go drops two negations without a look at the type"),
    ("optional within a list or map", selects_twice,
     "cel-go does not look into an optional that it selected from a list or map: {'a': o}.a.b"),
    ("has() of nothing", lambda case: "has($.FIELD) (optional(map(string, A)))" in names(case)
     and "$ ? $ : $ (bool, A, A)" in names(case),
     "has() is a bool; within ?: cel-go makes it none where there is nothing to look in"),
    ("year 1", lambda case: "ofNonZeroValue(" in case.expr
     and "0001-01-01T00:00:00Z" in f"{case.row['bindings']} {case.expr}",
     "cel-go takes the first second of year 1, Go's zero time, for no value"),
    ("variable that is a type", lambda case: "reference to undefined type" in str(case.theirs[1]),
     "cel-go takes a variable that holds a type for the name of one"),
    ("exact duration", lambda case: (case.fault() == "value" or "string(" in case.expr) and (
        re.search(r"\d{7,}(\.\d+)?s", f"{case.ours[1]} {case.row}")
        or re.search(r"(timestamp - timestamp|duration [+-] duration) -> duration",
                     str(names(case))) and "string(" in case.expr),
     "cel-go takes a duration's seconds as a double, which has no nanoseconds of 292 years"),
    ("milliseconds of a duration", lambda case: case.fault() == "value"
     and re.search(r"\.getMilliseconds\(\)(?! % 1000)", case.expr),
     "timestamps/duration_converters of the suite: those of the last second; cel-go counts all"),
    ("instant with an offset", lambda case: re.search(r"\d[+-]\d\d:\d\d[\"']", case.expr)
     and ("string(" in case.expr or ".format(" in case.expr),
     "a timestamp is an instant, written in UTC; cel-go writes the offset that it was read with"),
    # What the specification leaves open.
    ("numbers of unlike types", lambda case: re.search(
        r"no matching overload for '(_[!=]=_|@in)' applied to", str(case.theirs[1])),
     "ours compares an int with a double by == and `in`, as both do by <; cel-go, if one is dyn"),
    ("item of an empty literal", empty_item,
     "what [] holds is of any type: which overload it goes to is a matter of their order"),
    ("key that there cannot be", lambda case: re.search(
        "invalid qualifier type|hash of unhashable|unsupported index value", str(case.theirs[1])),
     "a list as a key, infinity as an index: cel-go refuses it, ours does not find it"),
    ("null in place of another", lambda case: "null" in str(case.theirs[1])
     and case.fault() == "refused when compiled, or not",
     "null may stand for an optional or a duration until it is used: ours sees it when it runs"),
    ("has() of what is missing", lambda case: re.search(r"has\(|\.\?|\[\?", case.expr)
     and "no such attribute" in str(case.theirs[1]),
     "a field that a transaction lacks is missing: has(a.b) is false and a.?b is none"),
    ("limits", lambda case: ours_says(case, "over the limit of steps or room"),
     "ours has a limit of steps and room for each run; cel-go as run here has none"),
    ("sorted NaN", lambda case: ours_says(case, "NaN has no order"),
     "cel-go sorts NaN to wherever it happens to stand"),
    ("int(duration)", lambda case: ours_says(case, "int() does not take (duration)")
     or ours_says(case, "no such overload") and re.search(r"\bint\(", case.expr)
     and "dyn(" in case.expr,
     "cel-go makes nanoseconds of a duration; langdef has no such conversion"),
    ("double in Go's way", lambda case: ours_says(case, "invalid argument")
     and "double(string:double) -> double" in names(case),
     "ours takes decimal numbers; cel-go also hexadecimal ones and underscores, as Go has them"),
    ("zone in Go's way", lambda case: any("string:zone" in name for name in names(case)) and (
        ours_says(case, "time zone") or "unknown time zone Z" in str(case.theirs[1])),
     "langdef, Timestamps: a zone is a name or +HH:MM; cel-go takes '' and -1:5 too, ours 'Z'"),
    ("negated duration", lambda case: "'-_' applied to '(duration)'" in str(case.theirs[1]),
     "ours has -duration, as it has +"),
    ("bytes that are no text", lambda case: "format %s" in names(case) and (
        "\ufffd" in str(case.theirs[1]) or "invalid UTF-8" in str(case.theirs[1])
        or "bytes(string) -> bytes" in names(case)),
     "extensions/strings.md, Conversion: what is no UTF-8 becomes U+FFFD; cel-go keeps the bytes"),
    ("RE2's age", lambda case: "\\C" in case.expr or "(?<" in case.expr,
     "Go's RE2 has no \\C; Debian's is older than (?<name>"),
]


def explanation(case):
    for name, holds, _ in EXPLAINED:
        if holds(case):
            return name
    return None
