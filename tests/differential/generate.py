"""Typed expressions from the signatures: tree, text, and the row that both sides read.

Expression number n of a seed is always the same one, whatever else is generated. Its root, or a
place near it, is the rule n modulo their number, so that each occurs equally often there; what
stands below is drawn.
"""
import random

import signatures
import values
from signatures import ANY, MEMBER, RULES, UNARY

LEAF_SHARE = 0.4        # of the places where a tree might go on
SHUFFLED_SHARE = 0.004  # arguments of another type than wanted: refused when compiled
DYN_SHARE = 0.015       # arguments of another type behind dyn(): an error when run
UNBOUND_SHARE = 0.004   # variables that the row does not bind
WRAP_SHARE = 0.4        # roots that stand within another rule

VARIABLES = {
    "b1": "bool", "b2": "bool", "i1": "int", "i2": "int", "i3": "int", "u1": "uint", "u2": "uint",
    "d1": "double", "d2": "double", "d3": "double", "s1": "string", "s2": "string",
    "s3": "string", "y1": "bytes", "y2": "bytes", "t1": "timestamp", "t2": "timestamp",
    "r1": "duration", "r2": "duration", "n1": "null", "x1": "dyn", "x2": "dyn",
    "li": ("list", "int"), "ld": ("list", "double"), "ls": ("list", "string"),
    "lu": ("list", "uint"), "lb": ("list", "bool"), "lx": ("list", "dyn"),
    "ll": ("list", ("list", "int")), "lo": ("list", ("optional", "int")),
    "mi": ("map", "string", "int"), "md": ("map", "string", "double"),
    "ms": ("map", "string", "string"), "mx": ("map", "string", "dyn"),
    "mm": ("map", "string", ("map", "string", "int")), "ki": ("map", "int", "string"),
    "ku": ("map", "uint", "int"), "kb": ("map", "bool", "string"),
    "oi": ("optional", "int"), "os": ("optional", "string"),
    "om": ("optional", ("map", "string", "int")),
    "wi": ("wrapper", "int"), "wd": ("wrapper", "double"), "ws": ("wrapper", "string"),
    "wb": ("wrapper", "bool"), "net1": "ip", "net2": "cidr",
}
LOCALS = ["x", "y", "z", "k", "v", "e", "acc", "i"]
TYPE_NAMES = ["int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type",
              "type", "google.protobuf.Timestamp", "google.protobuf.Duration", "optional_type"]
CONTAINERS = ["mx", "lx", "x1", "x2", "mm"]
RULES_FOR = {}  # type: rules that give it
FORMAT_SHARE = 12  # roots that are format(), where a rule is one
FORMAT_TAKES = {"s": ["string"], "d": ["int", "uint", "int"], "f": ["double", "double", "int"],
                "e": ["double"], "x": ["int", "uint", "string", "bytes"],
                "X": ["int", "uint", "string", "bytes"], "o": ["int", "uint"],
                "b": ["int", "uint", "bool"]}


class Node:
    """A part of an expression. `form` has a $ for each of kids."""
    __slots__ = ("kind", "names", "form", "kids", "precs", "prec")

    def __init__(self, kind, names, form, prec=MEMBER, kids=(), precs=()):
        self.kind, self.names, self.form = kind, names, form
        self.prec, self.kids, self.precs = prec, list(kids), precs

    def text(self, least=ANY):
        whole = self.form
        if self.kids:  # a literal has none, and may well hold a $
            pieces = self.form.split("$")
            kids = [kid.text(prec) for kid, prec in zip(self.kids, self.precs)]
            whole = pieces[0] + "".join(k + p for k, p in zip(kids, pieces[1:]))
        return f"({whole})" if self.prec < least else whole

    def walk(self):
        yield self
        for kid in self.kids:
            yield from kid.walk()


# ---- types ----

def fits(pattern, kind, bound):
    """Is `kind` of the pattern, with its parameters as bound? Binds those that are not."""
    if isinstance(pattern, tuple):
        return (isinstance(kind, tuple) and pattern[0] == kind[0] and len(pattern) == len(kind)
                and all(fits(p, k, bound) for p, k in zip(pattern[1:], kind[1:])))
    pattern, _, pool = pattern.partition(":")
    if pattern not in ("A", "B", "K", "N", "O"):
        return pattern == kind
    if pattern in bound:
        return bound[pattern] == kind
    allowed = {"K": signatures.KEYS, "N": signatures.NUMBERS, "O": signatures.ORDERED}
    if pattern in allowed and kind not in allowed[pattern]:
        return False
    bound[pattern] = kind
    return True


def filled(pattern, bound):
    if isinstance(pattern, tuple):
        return (pattern[0], *(filled(p, bound) for p in pattern[1:]))
    name, _, pool = pattern.partition(":")
    kind = bound.get(name, name)
    return f"{kind}:{pool}" if pool else kind


def params_of(pattern):
    if isinstance(pattern, tuple):
        return set().union(*(params_of(p) for p in pattern[1:]))
    name = pattern.partition(":")[0]
    return {name} if name in ("A", "B", "K", "N", "O") else set()


def any_type(rng, depth=2):
    roll = rng.random()
    if roll < 0.72 or depth == 0:
        return rng.choice(("int", "int", "string", "string", "double", "bool", "uint", "bytes",
                           "timestamp", "duration"))
    if roll < 0.82:
        return ("list", any_type(rng, depth - 1))
    if roll < 0.90:
        return ("map", rng.choice(("string", "string", "int", "uint", "bool")),
                any_type(rng, depth - 1))
    if roll < 0.94:
        return ("optional", any_type(rng, depth - 1))
    return rng.choice(("dyn", "dyn", "null", "type", "ip", "cidr"))


def bind_rest(rng, rule, bound):
    """Types for the parameters that nothing has said yet."""
    for name in sorted(set().union(params_of(rule.result), *map(params_of, rule.args))):
        if name not in bound:
            bound[name] = {"K": lambda: rng.choice(("string", "string", "int", "uint", "bool")),
                           "N": lambda: rng.choice(signatures.NUMBERS),
                           "O": lambda: rng.choice(signatures.ORDERED)}.get(
                               name, lambda: any_type(rng))()


# ---- trees ----

class Generator:
    def __init__(self, seed, number):
        self.rng = random.Random(seed * 2**40 + number)
        self.number = number

    # leaves

    def scalar(self, kind, taken=()):
        """A literal; of a key, one that is not taken yet, if there is one."""
        value = values.pick(self.rng, kind)
        for _ in range(8):
            value = value if value not in taken else values.pick(self.rng, kind)
        if isinstance(taken, list):
            taken.append(value)
        text, name = values.literal(self.rng, kind, value)
        prec = UNARY if text.startswith("-") else MEMBER
        return Node(kind.partition(":")[0], (name,), text, prec)

    def made(self, kind, form, kids, prec=MEMBER):
        return Node(kind, ("literal " + kind[0] if isinstance(kind, tuple) else kind,), form, prec,
                    kids, (ANY,) * len(kids))

    def container(self, kind, scope, size_max=3):
        rng = self.rng
        if kind[0] == "list":
            kids = [self.leaf(kind[1], scope) for _ in range(rng.choice([0, 1, 2, 3]))]
            return self.made(kind, f"[{', '.join('$' * len(kids))}]", kids)
        if kind[0] == "optional":
            if rng.random() < 0.25:
                return Node(kind, ("literal optional",), "optional.none()")
            return self.made(kind, "optional.of($)", [self.leaf(kind[1], scope)])
        size = min(rng.choice([0, 1, 1, 2]), size_max) if kind[0] == "map" else 1
        key, taken = "string" if kind[1] == "dyn" else kind[1], []
        kids = [part for _ in range(size)
                for part in (self.scalar(f"{key}:key", taken), self.leaf(kind[2], scope))]
        pairs = ", ".join(["$: $"] * size)
        return self.made(kind, f"{{{pairs}}}", kids)

    def literal(self, kind, scope):
        rng = self.rng
        if isinstance(kind, tuple):
            return self.container(kind, scope)
        if kind == "dyn":
            other = any_type(rng, 1)
            kid = self.leaf("int" if other == "dyn" else other, scope)
            return self.made("dyn", "dyn($)", [kid])
        if kind == "type":
            return Node("type", ("type name",), rng.choice(TYPE_NAMES))
        if kind in ("ip", "cidr"):
            return self.made(kind, f"{kind}($)", [self.scalar(f"string:{kind}")])
        return self.scalar(kind)

    def leaf(self, kind, scope):
        rng, roll = self.rng, self.rng.random()
        if roll < 0.35:
            local = [name for name, is_kind in scope.items() if is_kind == kind]
            if local:
                return Node(kind, ("local",), rng.choice(local))
        if roll < 0.7:
            names = [name for name, is_kind in VARIABLES.items()
                     if (is_kind == kind or (roll < 0.03 and is_kind == ("wrapper", kind)))
                     and name not in scope]
            if names:
                return Node(kind, ("variable",), rng.choice(names))
        return self.literal(kind, scope)

    # calls

    def candidates(self, kind):
        if kind not in RULES_FOR:
            RULES_FOR[kind] = [rule for rule in RULES if fits(rule.result, kind, {})]
        return RULES_FOR[kind]

    def gen(self, kind, depth, scope):
        """A tree of that type, or out of that pool."""
        rng = self.rng
        if isinstance(kind, str) and ":" in kind:
            return self.pooled(kind, depth, scope)
        if isinstance(kind, tuple) and kind[0] == "entry":
            return self.literal(kind, scope)
        if rng.random() < SHUFFLED_SHARE:
            kind = any_type(rng)
        if depth <= 0 or rng.random() < LEAF_SHARE:
            return self.leaf(kind, scope)
        options = self.candidates(kind)
        if not options:
            return self.leaf(kind, scope)
        rule, bound = rng.choice(options), {}
        fits(rule.result, kind, bound)
        return self.call(rule, bound, depth - 1, scope)

    def pooled(self, kind, depth, scope):
        rng, base = self.rng, kind.partition(":")[0]
        if kind == "dyn:container":
            return Node("dyn", ("variable",), rng.choice(CONTAINERS))
        if kind == "dyn:key":
            return self.made("dyn", "dyn($)", [self.scalar(rng.choice(
                ("string:key", "string:key", "int:key", "uint:key", "bool:key", "double")))])
        if rng.random() < 0.85:
            return self.scalar(kind)
        return self.gen(base, depth, scope)

    def named(self, rule, bound, scope):
        """The form with names for what it binds, and what can be seen with them."""
        if not rule.binds:
            return rule.form, scope
        for name, kind in bound.items():
            # cel-go takes a variable that holds a type for the name of one: "undefined type: x".
            bound[name] = "int" if kind == "type" else kind
        names, form, inner = self.rng.sample(LOCALS, len(rule.binds)), rule.form, dict(scope)
        if self.rng.random() < 0.03:
            names[0] = self.rng.choice(("i1", "s1", "li"))  # hides a variable
        for at, (name, kind) in enumerate(zip(names, rule.binds)):
            form = form.replace(f"#{at}", name)
            inner[name] = filled(kind, bound)
        return form, inner

    def call(self, rule, bound, depth, scope, given=None):
        """A use of the rule; `given`: (argument's place, tree) that exists already."""
        rng = self.rng
        bind_rest(rng, rule, bound)
        form, inner = self.named(rule, bound, scope)
        kids, taken = [], []
        for at, kind in enumerate(rule.args):
            if given and given[0] == at:
                kids.append(given[1])
                continue
            seen = inner if at >= rule.scoped_from else scope
            if str(kind).endswith(":key") and form.startswith("{") and rng.random() < 0.95:
                kids.append(self.scalar(filled(kind, bound), taken))
            else:
                kids.append(self.argument(rule, at, filled(kind, bound), depth, seen))
        while "FIELD" in form:
            form = form.replace("FIELD", rng.choice(values.FIELDS), 1)
        return Node(filled(rule.result, bound), (rule.name,), form, rule.prec, kids, rule.precs)

    def argument(self, rule, at, kind, depth, scope):
        if at == 0 and rule.result[0] == "list" and kind[0] == "map":
            # The order of a map's entries is nobody's promise: at most one.
            return self.container(kind, scope, 1)
        # Where the result's type comes from the argument's, cel-go takes the type of dyn(), or of
        # what an empty literal holds, for whatever the next overload would have.
        is_open = bool(params_of(rule.result))
        if self.rng.random() < DYN_SHARE and not (is_open and isinstance(kind, tuple)):
            return self.made("dyn", "dyn($)", [self.leaf(any_type(self.rng), scope)])
        node = self.gen(kind, depth, scope)
        for _ in range(4):
            if is_open and node.form in ("[]", "{}", "optional.none()"):
                node = self.gen(kind, depth, scope)
        return node

    def format_call(self):
        """string.format: a text with clauses, and a list that mostly is what they want."""
        rng, text, kids, names = self.rng, "", [], ["string.format(list(dyn)) -> string"]
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            clause = rng.choice("sssdfexXob")
            precision = f".{rng.choice([0, 1, 2, 3, 6, 10])}" if clause in "fe" else ""
            precision = precision if rng.random() < 0.7 else ""
            kind = rng.choice(FORMAT_TAKES[clause]) if rng.random() < 0.97 else any_type(rng)
            names.append(f"format %{clause}")
            text += rng.choice(["", "x", " ", "=", "%%", "\u00e9"]) + f"%{precision}{clause}"
            kids.append(self.gen(kind if clause != "s" else any_type(rng), 1, {}))
        roll = rng.random()
        if roll < 0.02:
            text += rng.choice(["%", "%y", "%.f", "%5d", "%.1s"])
        if roll > 0.98 and kids:
            kids.pop()
        literal = values.string_literal(rng, text)[0]
        form = f"{literal.replace('$', '')}.format([{', '.join('$' * len(kids))}])"
        return Node("string", tuple(names), form, MEMBER, kids, (ANY,) * len(kids))

    def wrapped(self, node, depth):
        """The tree within a use of another rule that takes its type."""
        for _ in range(8):
            rule = self.rng.choice(RULES)
            places = [at for at, kind in enumerate(rule.args)
                      if at < rule.scoped_from and fits(kind, node.kind, {})
                      and not (kind[0] == "map" and rule.result[0] == "list")]
            if places:
                at, bound = self.rng.choice(places), {}
                fits(rule.args[at], node.kind, bound)
                return self.call(rule, bound, depth, {}, (at, node))
        return node

    def root(self):
        at = self.number % (len(RULES) + FORMAT_SHARE)
        depth = self.rng.choice([0, 1, 1, 2, 2, 3])
        node = self.format_call() if at >= len(RULES) else self.call(RULES[at], {}, depth, {})
        if self.rng.random() < WRAP_SHARE:
            node = self.wrapped(node, min(depth, 1))
        return node


def features():
    """All that has to occur."""
    names = {rule.name for rule in RULES} | {f"format %{c}" for c in FORMAT_TAKES}
    return names | {"string.format(list(dyn)) -> string", "variable", "local", "type name",
                    "literal int", "literal hex int", "literal uint", "literal hex uint",
                    "literal double", "literal string", "literal r''", "literal triple quotes",
                    "literal bytes", "literal bool", "literal null", "literal timestamp",
                    "literal duration", "literal list", "literal map", "literal optional"}


def row_of(node, seed, number):
    """What both sides read. The values of the variables are drawn apart from the tree, so that
    they stay the same while it is made smaller."""
    used = {n.form for n in node.walk() if not n.kids and n.form in VARIABLES}
    bindings = {}
    for name in sorted(used):
        rng = random.Random(f"{seed} {number} {name}")
        if rng.random() > UNBOUND_SHARE:
            bindings[name] = values.typed(rng, VARIABLES[name])
    return {"expr": node.text(), "bindings": bindings,
            "type_env": [{"name": n, "type": values.type_json(VARIABLES[n])} for n in sorted(used)]}


def expression(seed, number):
    return Generator(seed, number).root()
