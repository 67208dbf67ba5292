"""Are two answers the same? Values to the last bit, errors as such, whatever their text."""
import json
import math


def frozen(value):
    """A typed value such that equal ones are equal: NaN is NaN, -0.0 is not 0.0, a map has no
    order."""
    (kind, v), = value.items()
    if kind == "double":
        number = float(v)
        return kind, "NaN" if math.isnan(number) else number.hex()
    if kind == "list":
        return kind, tuple(frozen(item) for item in v)
    if kind == "map":
        return kind, frozenset((frozen(key), frozen(item)) for key, item in v)
    if kind == "optional":
        return kind, v and frozen(v)
    return kind, v


def answer_of(line):
    """("value", frozen), ("type", text) or ("error", text)."""
    (kind, v), = json.loads(line).items()
    if kind == "value":
        return kind, frozen(v)
    return kind, json.dumps(plain_type(v), sort_keys=True) if kind == "type" else v


def plain_type(kind):
    """A type without what a type is of, {"type": "int"}, and without protobuf's wrappers."""
    if isinstance(kind, list):
        return [plain_type(part) for part in kind]
    if isinstance(kind, dict):
        if "wrapper" in kind:
            return kind["wrapper"]
        return "type" if "type" in kind else {k: plain_type(v) for k, v in kind.items()}
    return kind


class Case:
    """An expression with what both sides say: of its value, and, where it was asked, its type."""

    def __init__(self, number, node, row):
        self.number, self.node, self.row = number, node, row
        self.ours = self.theirs = None              # answers: (kind, what)
        self.our_type = self.their_type = None      # answers, or None: not asked

    @property
    def expr(self):
        return self.row["expr"]

    def needs_type(self):
        return "error" in (self.ours[0], self.theirs[0])

    def fault(self):
        """What they differ in, or None."""
        if self.ours[0] != self.theirs[0]:
            return "value or error"
        if self.ours[0] == "value" and self.ours != self.theirs:
            return "value"
        if self.our_type is None:
            return None
        if self.our_type[0] != self.their_type[0]:
            return "refused when compiled, or not"
        # Of an expression without a value, as [][0], the type is anyone's guess.
        if self.ours[0] == "value" and self.our_type != self.their_type:
            return "type"
        return None

    def __str__(self):
        lines = [f"  {self.expr}"]
        if self.row["bindings"]:
            lines.append(f"  with {json.dumps(self.row['bindings'])}")
        for name, answer, kind in (("ours", self.ours, self.our_type),
                                   ("cel-go", self.theirs, self.their_type)):
            text = " ".join(str(answer[1]).split())[:300]
            said = f"; check: {kind[0]} {' '.join(str(kind[1]).split())[:200]}" if kind else ""
            lines.append(f"  {name:7}{answer[0]}: {text}{said}")
        return "\n".join(lines)
