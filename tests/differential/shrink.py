"""A smaller expression on which the two still differ in the same way."""
import generate

ROUNDS_MAX = 12
TRIES_MAX = 120  # smaller ones looked at in a round


def copy_with(node, target, replacement):
    """The tree with one of its nodes replaced."""
    if node is target:
        return replacement
    if not node.kids:
        return node
    kids = [copy_with(kid, target, replacement) for kid in node.kids]
    return generate.Node(node.kind, node.names, node.form, node.prec, kids, node.precs)


SIMPLEST = {"int": "1", "uint": "1u", "double": "1.0", "string": "'a'", "bytes": "b'a'",
            "bool": "true", "timestamp": 'timestamp("1970-01-01T00:00:00Z")',
            "duration": 'duration("1s")'}


def simplest(kind):
    if isinstance(kind, tuple):
        form = {"list": "[]", "map": "{}", "optional": "optional.none()"}.get(kind[0])
        return form and generate.Node(kind, (), form)
    return generate.Node(kind, (), SIMPLEST[kind]) if kind in SIMPLEST else None


def smaller(root):
    """Trees with one step less: a part alone, a part in place of what holds it, a plain value."""
    for node in root.walk():
        if node is not root:
            yield node
    for node in root.walk():
        for part in node.walk():
            if part is not node and part.kind == node.kind:
                yield copy_with(root, node, part)
        plain = simplest(node.kind)
        if plain and len(plain.form) < len(node.text()):
            yield copy_with(root, node, plain)
        if not node.kids and node.form in generate.VARIABLES and plain:
            yield copy_with(root, node, plain)


def shrink(case, ask, seed):
    """`ask` runs a list of (number, tree) and gives cases."""
    for _ in range(ROUNDS_MAX):
        seen, trees = {case.expr}, []
        for tree in smaller(case.node):
            text = tree.text()
            if text not in seen and len(text) <= len(case.expr):
                seen.add(text)
                trees.append(tree)
        trees.sort(key=lambda tree: len(tree.text()))
        found = [c for c in ask([(case.number, tree) for tree in trees[:TRIES_MAX]], seed, True)
                 if c.fault() == case.fault()]
        if not found:
            return case
        case = found[0]
    return case
