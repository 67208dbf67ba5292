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
    """Both fail; only one of them saw it coming."""
    return (case.fault() == "refused when compiled, or not"
            and re.search(r"\[\]|\{\}|optional\.none\(\)", case.expr))


def has_other_key(case):
    """A map is written with a key that only a run sees to be none: dyn(), or a wrapper's null."""
    return any(kid.kind not in KEYS or kid.form in ("wb", "ws", "wi")
               for node in case.node.walk() if node.form.startswith("{")
               for kid in node.kids[::2])


def compares_nan(case):
    """Of values that cannot be compared one is NaN, and that is all cel-go looks at."""
    return (ours_says(case, "no such overload") and "NaN" in f"{case.row['bindings']} {case.expr}"
            and re.search(r" [<>]=? ", case.expr))


def names(case):
    return {name for node in case.node.walk() for name in node.names}


EXPLAINED = [
    # Where cel-go departs from the specification.
    ("repeated key", lambda case: ours_says(case, "repeated key"),
     "langdef, Aggregate Values: duplicate keys are an error; cel-go keeps the last"),
    ("key of another type", lambda case: ours_says(case, "a key is a bool, int, uint or string")
     or ours_says(case, "invalid argument") and has_other_key(case),
     "langdef, Aggregate Values: a key is an int, uint, bool or string; cel-go takes any"),
    ("key of optional.none()", lambda case: case.theirs == ("value", ("optional", None))
     and case.ours[0] == "error" and any(is_select(n) and n.kids[0].kind[0] == "optional"
                                         for n in case.node.walk()),
     "langdef, Evaluation: arguments are evaluated, and an error is the result; cel-go leaves the "
     "key out where there is nothing to look in"),
    ("empty text as a list", lambda case: ours_says(case, "no such overload") and re.search(
        r"dyn\(.*\)\.(all|exists|exists_one|map|filter|transform)", case.expr),
     "langdef, Macros: they go through lists and maps; cel-go lets dyn('') pass as empty"),
    ("NaN and what has no order", compares_nan,
     "langdef, Ordering: a timestamp and a double have none; cel-go says false where one is NaN"),
    ("!!", lambda case: "!!" in case.expr, "cel-go drops two negations without a look at the type"),
    ("optional within a list or map", selects_twice,
     "cel-go does not look into an optional that it selected from a list or map: {'a': o}.a.b"),
    ("variable that is a type", lambda case: "reference to undefined type" in str(case.theirs[1]),
     "cel-go takes a variable that holds a type for the name of one"),
    ("exact duration", lambda case: case.ours[0] == case.theirs[0] == "value"
     and re.search(r"\d{7,}\.\d+s|\d{7,}s", str(case.ours[1]) + str(case.row)),
     "cel-go takes a duration's seconds as a double, which has no nanoseconds of 292 years"),
    ("milliseconds of a duration", lambda case: ".getMilliseconds()" in case.expr,
     "timestamps/duration_converters of the suite: those of the last second; cel-go counts all"),
    ("instant with an offset", lambda case: re.search(r"\d[+-]\d\d:\d\d[\"']", case.expr)
     and ("string(" in case.expr or ".format(" in case.expr),
     "a timestamp is an instant, written in UTC; cel-go writes the offset that it was read with"),
    # What the specification leaves open.
    ("constant refused at load", refused_constant,
     "ours refuses a constant that can only fail when it compiles; cel-go when it gets there"),
    ("numbers of unlike types", lambda case: case.ours[0] != "error" and re.search(
        r"no matching overload for '(_[!=]=_|@in)' applied to", str(case.theirs[1])),
     "ours compares an int with a double by == and `in`, as both do by <; cel-go, if one is dyn"),
    ("item of an empty literal", empty_item,
     "what [] holds is of any type: which overload it goes to is a matter of their order"),
    ("key that no map has", lambda case: re.search("invalid qualifier type|hash of unhashable",
                                                   str(case.theirs[1])),
     "a list or an optional as a key: cel-go refuses it, ours does not find it"),
    ("has() of what is missing", lambda case: re.search(r"has\(|\.\?|\[\?", case.expr)
     and "no such attribute" in str(case.theirs[1]),
     "a field that a transaction lacks is missing: has(a.b) is false and a.?b is none"),
    ("limits", lambda case: ours_says(case, "over the limit of steps or room"),
     "ours has a limit of steps and room for each run; cel-go as run here has none"),
    ("sorted NaN", lambda case: ours_says(case, "NaN has no order"),
     "cel-go sorts NaN to wherever it happens to stand"),
    ("int(duration)", lambda case: ours_says(case, "int() does not take (duration)")
     or ours_says(case, "no such overload") and re.search(r"\bint\(.*dyn\(", case.expr),
     "cel-go makes nanoseconds of a duration; langdef has no such conversion"),
    ("double in Go's way", lambda case: ours_says(case, "invalid argument")
     and "double(string:double) -> double" in names(case),
     "ours takes decimal numbers; cel-go also hexadecimal ones and underscores, as Go has them"),
    ("zone in Go's way", lambda case: ours_says(case, "time zone")
     and any("string:zone" in name for name in names(case)),
     "langdef, Timestamps: a zone is a name or +HH:MM; cel-go also takes '' and -1:5"),
    ("RE2's age", lambda case: "\\C" in case.expr or "(?<" in case.expr,
     "Go's RE2 has no \\C; Debian's is older than (?<name>"),
]


def explanation(case):
    for name, holds, _ in EXPLAINED:
        if holds(case):
            return name
    return None
