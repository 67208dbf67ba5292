"""Every operator, function, macro and form of literal that both implementations know.

A line is one overload, as a user would write it: `string.indexOf(string, int:index) -> int`. A type
is a scalar, `list(T)`, `map(T, T)`, `optional(T)`, or a parameter: A, B of any type, K of a
key's, N a number, O what can be ordered. `int:index` is an int out of a pool of likely ones
(values.py), so that a call succeeds more often than not. `x:T` names a variable; what stands
behind `;` sees it. FIELD is a name behind a dot.
"""
import re

SCALARS = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
KEYS = ("string", "int", "uint", "bool")
NUMBERS = ("int", "uint", "double")
ORDERED = SCALARS
# How tight an operator binds; what stands in its places has to bind at least as tight.
PRECEDENCE = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
              "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
UNARY, MEMBER, ANY = 6, 7, 0

# {op} stands for each of < <= > >=; {eq} for == and !=.
OPERATORS = """
bool && bool -> bool
bool || bool -> bool
A {eq} A -> bool
dyn {eq} dyn -> bool
A in list(A) -> bool
dyn in list(dyn) -> bool
K:key in map(K, A) -> bool
int + int -> int
uint + uint -> uint
double + double -> double
string + string -> string
bytes + bytes -> bytes
list(A) + list(A) -> list(A)
duration + duration -> duration
timestamp + duration -> timestamp
duration + timestamp -> timestamp
int - int -> int
uint - uint -> uint
double - double -> double
duration - duration -> duration
timestamp - timestamp -> duration
timestamp - duration -> timestamp
int * int -> int
uint * uint -> uint
double * double -> double
int / int -> int
uint / uint -> uint
double / double -> double
int % int -> int
uint % uint -> uint
O {op} O -> bool
int {op} double -> bool
int {op} uint -> bool
uint {op} int -> bool
uint {op} double -> bool
double {op} int -> bool
double {op} uint -> bool
dyn {op} dyn -> bool
"""

FUNCTIONS = """
bool(bool) -> bool
bool(string:bool) -> bool
int(int) -> int
int(uint) -> int
int(double) -> int
int(string:int) -> int
int(timestamp) -> int
uint(uint) -> uint
uint(int) -> uint
uint(double) -> uint
uint(string:int) -> uint
double(double) -> double
double(int) -> double
double(uint) -> double
double(string:double) -> double
string(string) -> string
string(bool) -> string
string(int) -> string
string(uint) -> string
string(double) -> string
string(bytes) -> string
string(timestamp) -> string
string(duration) -> string
bytes(bytes) -> bytes
bytes(string) -> bytes
timestamp(timestamp) -> timestamp
timestamp(string:timestamp) -> timestamp
timestamp(int:seconds) -> timestamp
duration(duration) -> duration
duration(string:duration) -> duration
dyn(A) -> dyn
type(A) -> type
size(string) -> int
size(bytes) -> int
size(list(A)) -> int
size(map(K, A)) -> int
string.size() -> int
bytes.size() -> int
list(A).size() -> int
map(K, A).size() -> int
timestamp.getFullYear() -> int
timestamp.getFullYear(string:zone) -> int
timestamp.getMonth() -> int
timestamp.getMonth(string:zone) -> int
timestamp.getDate() -> int
timestamp.getDate(string:zone) -> int
timestamp.getDayOfMonth() -> int
timestamp.getDayOfMonth(string:zone) -> int
timestamp.getDayOfWeek() -> int
timestamp.getDayOfWeek(string:zone) -> int
timestamp.getDayOfYear() -> int
timestamp.getDayOfYear(string:zone) -> int
timestamp.getHours() -> int
timestamp.getHours(string:zone) -> int
timestamp.getMinutes() -> int
timestamp.getMinutes(string:zone) -> int
timestamp.getSeconds() -> int
timestamp.getSeconds(string:zone) -> int
timestamp.getMilliseconds() -> int
timestamp.getMilliseconds(string:zone) -> int
duration.getHours() -> int
duration.getMinutes() -> int
duration.getSeconds() -> int
string.contains(string:part) -> bool
string.startsWith(string:part) -> bool
string.endsWith(string:part) -> bool
string.matches(string:pattern) -> bool
matches(string, string:pattern) -> bool
string.charAt(int:index) -> string
string.indexOf(string:part) -> int
string.indexOf(string:part, int:index) -> int
string.lastIndexOf(string:part) -> int
string.lastIndexOf(string:part, int:index) -> int
string.lowerAscii() -> string
string.upperAscii() -> string
string.trim() -> string
string.reverse() -> string
string.replace(string:part, string) -> string
string.replace(string:part, string, int:index) -> string
string.split(string:part) -> list(string)
string.split(string:part, int:index) -> list(string)
string.substring(int:index) -> string
string.substring(int:index, int:index) -> string
list(string).join() -> string
list(string).join(string) -> string
strings.quote(string) -> string
math.greatest(N) -> N
math.greatest(N, N) -> N
math.greatest(N, N, N, N) -> N
math.greatest(list(N)) -> N
math.greatest(int, double, uint) -> dyn
math.least(N) -> N
math.least(N, N) -> N
math.least(N, N, N, N) -> N
math.least(list(N)) -> N
math.least(int, double, uint) -> dyn
math.ceil(double) -> double
math.floor(double) -> double
math.round(double) -> double
math.trunc(double) -> double
math.abs(N) -> N
math.sign(N) -> N
math.sqrt(N) -> double
math.isNaN(double) -> bool
math.isInf(double) -> bool
math.isFinite(double) -> bool
math.bitAnd(int, int) -> int
math.bitAnd(uint, uint) -> uint
math.bitOr(int, int) -> int
math.bitOr(uint, uint) -> uint
math.bitXor(int, int) -> int
math.bitXor(uint, uint) -> uint
math.bitNot(int) -> int
math.bitNot(uint) -> uint
math.bitShiftLeft(int, int:shift) -> int
math.bitShiftLeft(uint, int:shift) -> uint
math.bitShiftRight(int, int:shift) -> int
math.bitShiftRight(uint, int:shift) -> uint
list(A).slice(int:index, int:index) -> list(A)
list(list(A)).flatten() -> list(A)
list(dyn).flatten(int:index) -> list(dyn)
list(A).distinct() -> list(A)
list(A).reverse() -> list(A)
list(A).first() -> optional(A)
list(A).last() -> optional(A)
list(O).sort() -> list(O)
lists.range(int:index) -> list(int)
sets.contains(list(A), list(A)) -> bool
sets.equivalent(list(A), list(A)) -> bool
sets.intersects(list(A), list(A)) -> bool
base64.encode(bytes) -> string
base64.decode(string:base64) -> bytes
ip(string:ip) -> ip
isIP(string:ip) -> bool
ip.isCanonical(string:ip) -> bool
ip.family() -> int
ip.isUnspecified() -> bool
ip.isLoopback() -> bool
ip.isGlobalUnicast() -> bool
ip.isLinkLocalMulticast() -> bool
ip.isLinkLocalUnicast() -> bool
string(ip) -> string
cidr(string:cidr) -> cidr
isCIDR(string:cidr) -> bool
cidr.containsIP(ip) -> bool
cidr.containsIP(string:ip) -> bool
cidr.containsCIDR(cidr) -> bool
cidr.containsCIDR(string:cidr) -> bool
cidr.ip() -> ip
cidr.masked() -> cidr
cidr.prefixLength() -> int
string(cidr) -> string
optional.of(A) -> optional(A)
optional.ofNonZeroValue(A) -> optional(A)
optional.none() -> optional(A)
optional(A).hasValue() -> bool
optional(A).value() -> A
optional(A).or(optional(A)) -> optional(A)
optional(A).orValue(A) -> A
optional.unwrap(list(optional(A))) -> list(A)
list(optional(A)).unwrapOpt() -> list(A)
"""

MACROS = """
list(A).all(x:A; bool) -> bool
map(K, A).all(x:K; bool) -> bool
list(A).exists(x:A; bool) -> bool
map(K, A).exists(x:K; bool) -> bool
list(A).exists_one(x:A; bool) -> bool
map(K, A).exists_one(x:K; bool) -> bool
list(A).map(x:A; B) -> list(B)
map(K, A).map(x:K; B) -> list(B)
list(A).map(x:A; bool, B) -> list(B)
map(K, A).map(x:K; bool, B) -> list(B)
list(A).filter(x:A; bool) -> list(A)
map(K, A).filter(x:K; bool) -> list(K)
list(A).all(x:int, y:A; bool) -> bool
map(K, A).all(x:K, y:A; bool) -> bool
list(A).exists(x:int, y:A; bool) -> bool
map(K, A).exists(x:K, y:A; bool) -> bool
list(A).existsOne(x:int, y:A; bool) -> bool
map(K, A).existsOne(x:K, y:A; bool) -> bool
list(A).transformList(x:int, y:A; B) -> list(B)
map(K, A).transformList(x:K, y:A; B) -> list(B)
list(A).transformList(x:int, y:A; bool, B) -> list(B)
map(K, A).transformList(x:K, y:A; bool, B) -> list(B)
list(A).transformMap(x:int, y:A; B) -> map(int, B)
map(K, A).transformMap(x:K, y:A; B) -> map(K, B)
list(A).transformMap(x:int, y:A; bool, B) -> map(int, B)
map(K, A).transformMap(x:K, y:A; bool, B) -> map(K, B)
list(A).transformMapEntry(x:int, y:A; entry(K, B)) -> map(K, B)
map(K, A).transformMapEntry(x:K, y:A; entry(K, B)) -> map(K, B)
list(A).transformMapEntry(x:int, y:A; bool, entry(K, B)) -> map(K, B)
map(K, A).transformMapEntry(x:K, y:A; bool, entry(K, B)) -> map(K, B)
list(A).sortBy(x:A; O) -> list(A)
cel.bind(x:A, A; B) -> B
optional(A).optMap(x:A; B) -> optional(B)
optional(A).optFlatMap(x:A; optional(B)) -> optional(B)
"""

# What is no call: $ stands for each argument in turn. (form, how tight it binds and its parts,
# argument types, result). Of a duration's milliseconds the rest is taken: cel-go counts
# them all, where the suite wants those of the last second.
FORMS = [
    ("$.getMilliseconds() % 1000", 5, (MEMBER,), ["duration"], "int"),
    ("!$", UNARY, (MEMBER,), ["bool"], "bool"),
    ("!!$", UNARY, (MEMBER,), ["bool"], "bool"),
    ("-$", UNARY, (MEMBER,), ["int"], "int"),
    ("-$", UNARY, (MEMBER,), ["double"], "double"),
    ("$ ? $ : $", 0, (1, 1, 0), ["bool", "A", "A"], "A"),
    ("$[$]", MEMBER, (MEMBER, ANY), ["list(A)", "int:index"], "A"),
    ("$[$]", MEMBER, (MEMBER, ANY), ["map(K, A)", "K:key"], "A"),
    ("$[$]", MEMBER, (MEMBER, ANY), ["dyn:container", "dyn:key"], "dyn"),
    ("$[$]", MEMBER, (MEMBER, ANY), ["optional(list(A))", "int:index"], "optional(A)"),
    ("$[$]", MEMBER, (MEMBER, ANY), ["optional(map(K, A))", "K:key"], "optional(A)"),
    ("$[?$]", MEMBER, (MEMBER, ANY), ["list(A)", "int:index"], "optional(A)"),
    ("$[?$]", MEMBER, (MEMBER, ANY), ["map(K, A)", "K:key"], "optional(A)"),
    ("$[?$]", MEMBER, (MEMBER, ANY), ["optional(map(K, A))", "K:key"], "optional(A)"),
    ("$.FIELD", MEMBER, (MEMBER,), ["map(string, A)"], "A"),
    ("$.FIELD", MEMBER, (MEMBER,), ["dyn:container"], "dyn"),
    ("$.FIELD", MEMBER, (MEMBER,), ["optional(map(string, A))"], "optional(A)"),
    ("$.?FIELD", MEMBER, (MEMBER,), ["map(string, A)"], "optional(A)"),
    ("$.?FIELD", MEMBER, (MEMBER,), ["optional(map(string, A))"], "optional(A)"),
    ("has($.FIELD)", MEMBER, (MEMBER,), ["map(string, A)"], "bool"),
    ("has($.FIELD)", MEMBER, (MEMBER,), ["dyn:container"], "bool"),
    ("has($.FIELD.FIELD)", MEMBER, (MEMBER,), ["map(string, map(string, A))"], "bool"),
    ("has($.FIELD)", MEMBER, (MEMBER,), ["optional(map(string, A))"], "bool"),
    ("[$, $]", MEMBER, (ANY, ANY), ["A", "A"], "list(A)"),
    ("[$, $, $]", MEMBER, (ANY, ANY, ANY), ["A", "A", "B"], "list(dyn)"),
    ("[?$, $]", MEMBER, (ANY, ANY), ["optional(A)", "A"], "list(A)"),
    ("[$, ?$]", MEMBER, (ANY, ANY), ["A", "optional(A)"], "list(A)"),
    ("{$: $}", MEMBER, (ANY, ANY), ["K:key", "A"], "map(K, A)"),
    ("{$: $, $: $}", MEMBER, (ANY,) * 4, ["K:key", "A", "K:key", "A"], "map(K, A)"),
    ("{$: $, $: $}", MEMBER, (ANY,) * 4, ["string:key", "A", "int:key", "B"], "map(dyn, dyn)"),
    ("{?$: $, $: $}", MEMBER, (ANY,) * 4, ["K:key", "optional(A)", "K:key", "A"], "map(K, A)"),
    ("dyn($) == dyn($)", 3, (ANY, ANY), ["N", "N"], "bool"),
]


class Rule:
    """One overload. `form` has a $ for each argument; `binds` is [(name, type)] seen by the
    arguments from `scoped_from` on, whose names stand in the form as #0, #1."""

    def __init__(self, name, form, prec, precs, args, result, binds=(), scoped_from=99):
        self.name, self.form, self.prec, self.precs = name, form, prec, precs
        self.args, self.result = args, result
        self.binds, self.scoped_from = binds, scoped_from


def split_top(text, separators=","):
    """Split at separators outside parentheses; each with the separator in front of it."""
    parts, depth, start, before = [], 0, 0, ""
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c in separators and depth == 0:
            parts.append((before, text[start:i].strip()))
            start, before = i + 1, c
    if text[start:].strip():
        parts.append((before, text[start:].strip()))
    return parts


def parse_type(text):
    """"list(A)" -> ("list", "A"); "int:index" and "A" stay as they are."""
    found = re.fullmatch(r"(\w+)\((.*)\)", text.strip())
    if not found:
        return text.strip()
    return (found[1], *(parse_type(part) for _, part in split_top(found[2])))


def parse_operator(line):
    left, symbol, right, result = re.fullmatch(r"(\S.*?) (\S+) (\S.*) -> (.*)", line).groups()
    while left.count("(") != left.count(")"):  # map(K, A)
        more, symbol, right = re.fullmatch(r"(.*?\)) (\S+) (.*)", f"{symbol} {right}").groups()
        left += " " + more
    prec = PRECEDENCE[symbol]
    return Rule(line, f"$ {symbol} $", prec, (prec, prec + 1),
                [parse_type(left), parse_type(right)], parse_type(result))


def split_receiver(head):
    """"list(A).map" -> ("list(A)", "map"); "math.ceil" -> (None, "math.ceil")."""
    found = re.fullmatch(r"(.*)\.(\w+)", head)
    namespaces = ("math", "sets", "lists", "strings", "base64", "cel")
    if not found or found[1] in namespaces:
        return None, head
    if head in ("ip.isCanonical", "optional.of", "optional.ofNonZeroValue", "optional.none",
                "optional.unwrap"):
        return None, head
    return found[1], found[2]


def parse_call(line):
    call, result = line.rsplit(" -> ", 1)
    depth = 0
    for at in range(len(call) - 1, -1, -1):  # the parenthesis of the last argument list
        depth += (call[at] == ")") - (call[at] == "(")
        if depth == 0:
            break
    receiver, name = split_receiver(call[:at])
    args, precs, binds, scoped_from, texts = [], [], [], 99, []
    if receiver:
        args.append(parse_type(receiver))
        precs.append(MEMBER)
    for separator, part in split_top(call[at + 1:-1], ",;"):
        if separator == ";":
            scoped_from = len(args)
        variable = re.fullmatch(r"([xy]):(.*)", part)
        if variable:
            texts.append(f"#{len(binds)}")
            binds.append(parse_type(variable[2]))
            continue
        texts.append("$")
        args.append(parse_type(part))
        precs.append(ANY)
    form = f"{'$.' if receiver else ''}{name}({', '.join(texts)})"
    return Rule(line, form, MEMBER, tuple(precs), args, parse_type(result), binds, scoped_from)


def expanded(line):
    """A line for each of the operators that it stands for."""
    for mark, symbols in (("{op}", ("<", "<=", ">", ">=")), ("{eq}", ("==", "!="))):
        if mark in line:
            return [line.replace(mark, symbol) for symbol in symbols]
    return [line]


def make_rules():
    rules = [parse_operator(one) for line in OPERATORS.strip().splitlines()
             for one in expanded(line)]
    rules += [parse_call(line) for line in (FUNCTIONS + MACROS).split("\n") if line]
    for form, prec, precs, args, result in FORMS:
        rules.append(Rule(f"{form} ({', '.join(args)})", form, prec, precs,
                          [parse_type(a) for a in args], parse_type(result)))
    return rules


RULES = make_rules()
