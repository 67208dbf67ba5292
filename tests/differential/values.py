"""Pools of values: ordinary ones, and the edges where implementations part.

A value is a Python one; literal() writes it as the language has it, typed() as a row's binding.
"""
import base64
import math

INT_MIN, INT_MAX, UINT_MAX = -2**63, 2**63 - 1, 2**64 - 1
EDGE_SHARE = 0.2  # of the values; more, and fewer than half of the expressions have a value

ORDINARY = {
    "bool": [True, False],
    "int": [0, 1, 2, 3, 5, 7, 10, 42, 100, 1000, -1, -2, -7],
    "uint": [0, 1, 2, 3, 5, 8, 10, 100, 1000],
    "double": [0.0, 1.0, 1.5, 2.0, -2.25, 0.1, 100.0, 1000.0, 3.14159, -1.0],
    "string": ["", "a", "b", "ab", "abc", "hello", "Hello World", "EUR", "BE", "a,b,c", "k1", " x ",
               "12", "user@example.com"],
    "bytes": [b"", b"a", b"abc", b"\x00\x01", b"hello"],
    "timestamp": ["2026-01-05T12:00:10Z", "2024-02-29T23:59:59Z", "1970-01-01T00:00:00Z",
                  "2009-02-13T23:31:30.123456789Z", "2026-07-01T06:30:00.5Z"],
    "duration": [0, 1_000_000_000, 3600_000_000_000, 90_061_500_000_000, -1_500_000_000, 1_000_000],
    "null": [None],
}
EDGES = {
    "bool": [True, False],
    "int": [INT_MIN, INT_MIN + 1, INT_MAX, INT_MAX - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**31, 2**32,
            -2**31, 253402300799, 253402300800, -62135596800, -62135596801, 2**62, 63, 64, 65],
    "uint": [UINT_MAX, UINT_MAX - 1, 2**63, 2**63 - 1, 2**53 + 1, 2**32, 64],
    "double": [-0.0, math.nan, math.inf, -math.inf, 1.7976931348623157e308, 5e-324, -5e-324,
               2.2250738585072014e-308, 9007199254740993.0, 9223372036854775807.0,
               -9223372036854775808.0, 9223372036854774784.0, 18446744073709551615.0, 1e19, -1e19,
               1e21, 1e20, 123456789.0, 1e6, 1e-5, 0.5, 2.5, -0.5, 0.49999999999999994, 1e-7,
               4503599627370495.5, 1e16],
    "string": ["\u00e9", "e\u0301", "\u65e5\u672c\u8a9e", "\U0001f600", "a\U0001f600b", "\x00",
               "a\x00b", "\n\t\r", "'\"`\\",
               "\u00df\u0130\u0131", "\U0010ffff", "\ufeff", "\u00a0 x\u2003", "x" * 70,
               "\ud7ff\ue000", "\u0085",
               "\x7f\x1b", "%d%s", "NaN", "-0", "\U0001f468\u200d\U0001f469\u200d\U0001f467"],
    "bytes": [b"\xff", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\x80abc",
              b"\x00", b"'\"\\"],
    "timestamp": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
                  "1969-12-31T23:59:59.999999999Z", "2026-03-29T01:30:00Z", "2026-10-25T00:30:00Z",
                  "1900-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "0001-01-01T00:00:00.000000001Z",
                  "2000-12-31T23:00:00Z"],
    "duration": [INT_MAX, INT_MIN, 1, -1, 999_999_999, 59_999_999_999, -3_599_999_999_999,
                 9223372036_000_000_000, 86_400_000_000_000, 1_000],
    "null": [None],
}

# For arguments that most texts would not do for: what works, and what just does not.
POOLS = {
    "string:bool": ["true", "false", "True", "FALSE", "t", "0", "1", "yes", "", "TRUE",
                    "tRue", "f"],
    "string:int": ["0", "1", "42", "-1", "123456", "9223372036854775807", "-9223372036854775808",
                   "9223372036854775808", "18446744073709551615", "18446744073709551616", "", " 1",
                   "1.0", "0x10", "1_000", "+5", "007", "-0", "1e3", "abc", "\u0661"],
    "string:double": ["0", "1.5", "-2.25", "1e3", "3.14", "NaN", "Infinity", "-Infinity", "inf",
                      "-inf", "nan", "1e400", "-1e400", "1e-400", "", ".5", "5.", "+1.5", "0x1p-2",
                      "1_0.5", " 1", "1.5f", "infinit", "-0", "1e", "4.9e-324",
                      "2.2250738585072011e-308"],
    "string:timestamp": ["2026-01-05T12:00:10Z", "2024-02-29T00:00:00Z",
                         "2026-01-05T12:00:10.123456789Z", "2026-01-05T12:00:10+05:30",
                         "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
                         "2023-02-29T00:00:00Z", "2026-01-05", "2026-01-05T24:00:00Z",
                         "2026-01-05t12:00:10z", "0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
                         "2026-01-05T12:00:60Z", "9999-12-31T23:59:59-01:00", "",
                         "0001-01-01T00:00:00+01:00", "2026-01-05T12:00:10.Z",
                         "2026-01-05 12:00:10Z", "2026-01-05T12:00:10,5Z",
                         "2026-01-05T12:00:10+24:00", "2026-1-05T12:00:10Z",
                         "2026-01-05T12:00:10.1234567891Z", "2026-01-05T12:00:10-00:00"],
    "string:duration": ["1s", "1h30m", "1.5s", "-1ms", "100us", "1ns", "0", "0s", "1h1m1s1ms1us1ns",
                        ".5s", "1.s", "-.5s", "+1s", "1d", "s", "", "1", "1 s", "--1s", "1\u00b5s",
                        "1\u03bcs", "9223372036.854775807s", "9223372036.854775808s",
                        "-9223372036.854775808s", "1e3s", "0.1ns", "1.9999999999s", "2562047h47m",
                        "-0s", ".s", "1h-1m"],
    "string:zone": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
                    "Australia/Sydney", "America/St_Johns", "Pacific/Apia", "Etc/GMT+5", "+02:00",
                    "-11:30", "02:00", "-00:30", "+14:00", "Nowhere/City", "", "+25:00", "utc",
                    "EST", "+2:00", "GMT", "Europe/Berlin ", "+0200", "12:60", "-1:5"],
    "string:part": ["", "a", "b", "l", "lo", ",", " ", "World", "\u00e9", "\U0001f600", "x", "zz",
                    "ab", "abc"],
    "string:pattern": ["^a+b?c*$", "[0-9]+", "(?i)HELLO", "\\d{2}", "\u00e9.", "a|b|",
                       "\\p{L}+", "",
                       "[[:alpha:]]+", "^$", "(a*)*", ".", "^.{3}$", "\\bWorld\\b", "[^a-z]",
                       "(?s).*", "x{2,5}", "\\x{1F600}", "[\\x00-\\x1f]", "(?:ab)+?",
                       "\\w+@\\w+\\.",
                       "(", "[a-", "*a", "a{2,1}", "\\1", "(?=a)", "a**", "(?P<n>a)", "\\pN",
                       "\\Qa.b\\E", "a{1001}", "\\z", "(?m)^b$", "\\8", "[[:foo:]]", "(?<n>a)",
                       "\\C", "\\p{Greek}", "$a^"],
    "string:base64": ["", "aGVsbG8=", "aGVsbG8", "YQ==", "YQ", "/+8=", "_-8=", "YQ=", "YR==", "a",
                      "YW Jj", "YWJj\n", "====", "YWI", "\u00e9"],
    "string:ip": ["10.0.0.1", "192.168.1.5", "127.0.0.1", "0.0.0.0", "255.255.255.255", "::1",
                  "2001:db8::1", "fe80::1", "ff02::1", "224.0.0.1", "169.254.1.1", "::",
                  "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "::ffff:1.2.3.4", "fe80::1%eth0",
                  "010.0.0.1", "1.2.3", "1.2.3.256", "", "10.0.0.1/8", "1:2:3:4:5:6:7:8",
                  "1:2:3:4:5:6:7::", "::1.2.3.4", "1::2::3", "ff05::2", "64:ff9b::1.2.3.4", ":1",
                  "12345::", "2001:db8::0:1", "1:0:0:2:0:0:0:3"],
    "string:cidr": ["10.0.0.0/8", "192.168.1.5/24", "0.0.0.0/0", "127.0.0.1/32", "2001:db8::/32",
                    "::/0", "::1/128", "fe80::1/10", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/",
                    "10.0.0.0/08", "10.0.0.0/-1", "::ffff:1.2.3.4/96", "10.0.0/8", "",
                    "fe80::1%eth0/64", "::/129", "10.0.0.0/+8", "1.2.3.4/31"],
    "string:key": ["a", "b", "k1", "a-b", "no"],
    "int:key": [0, 1, 2, -1],
    "uint:key": [0, 1, 2],
    "bool:key": [True, False],
    "int:index": [0, 0, 0, 1, 1, 2, 3, -1, 5],
    "int:shift": [0, 1, 2, 8, 31, 62, 63, 64, 65, -1, INT_MAX],
    "int:seconds": [0, 1, 1767614410, -1, 253402300799, 253402300800, -62135596800, -62135596801,
                    INT_MAX, INT_MIN],
}
GOOD = {  # how many of a pool, from its beginning, are right
    "string:bool": 2, "string:int": 6, "string:double": 8, "string:timestamp": 6,
    "string:duration": 8, "string:zone": 14, "string:pattern": 21, "string:base64": 5,
    "string:ip": 14, "string:cidr": 8, "int:index": 5, "int:shift": 8, "int:seconds": 4,
    "string:key": 3,
}
FIELDS = ["a", "a", "b", "k1", "no", "`a-b`"]


def pick(rng, kind):
    """A value of a scalar type, or out of a pool."""
    if kind in POOLS:
        pool = POOLS[kind]
        if rng.random() < 0.75:
            pool = pool[:GOOD.get(kind, len(pool))]
        return rng.choice(pool)
    return rng.choice((EDGES if rng.random() < EDGE_SHARE else ORDINARY)[kind])


# ---- as a literal ----

def escaped_char(rng, c, quote):
    if c == "\\" or c == quote:
        return "\\" + c
    if c in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c]
    code = ord(c)
    if code > 0xffff and (code > 0x10fff0 or rng.random() < 0.5):
        return f"\\U{code:08x}"
    if code < 0x20 or code in (0x7f, 0x85, 0xfeff) or (code > 0x7f and rng.random() < 0.4):
        if code > 0xff or rng.random() < 0.4:
            return f"\\u{code:04x}" if code <= 0xffff else f"\\U{code:08x}"
        return rng.choice([f"\\x{code:02x}", f"\\{code:03o}", f"\\X{code:02X}"])
    return c


def string_literal(rng, text):
    """(literal, name of its form)"""
    style = rng.random()
    plain = all(c.isprintable() and c not in "'\"\\" and ord(c) < 0xfff0 for c in text)
    if style < 0.08 and plain:
        quote = rng.choice(['"', "'", '"""', "'''"])
        return f"{rng.choice('rR')}{quote}{text}{quote}", "literal r''"
    if style < 0.13:
        quote = rng.choice(['"""', "'''"])
        body = "".join(escaped_char(rng, c, quote[0]) for c in text)
        return quote + body + quote, "literal triple quotes"
    quote = '"' if style < 0.7 else "'"
    return quote + "".join(escaped_char(rng, c, quote) for c in text) + quote, "literal string"


def bytes_literal(rng, value):
    quote, body = rng.choice("\"'"), ""
    for b in value:
        c = chr(b)
        if 0x20 <= b < 0x7f and c not in "'\"\\":
            body += c
        else:
            body += rng.choice([f"\\x{b:02x}", f"\\{b:03o}"])
    return f"{rng.choice('bB')}{quote}{body}{quote}", "literal bytes"


def int_literal(rng, value):
    if rng.random() < 0.1:
        sign, size = ("-" if value < 0 else ""), abs(value)
        return f"{sign}0x{size:{rng.choice('xX')}}", "literal hex int"
    return str(value), "literal int"


def uint_literal(rng, value):
    if rng.random() < 0.1:
        return f"0x{value:x}{rng.choice('uU')}", "literal hex uint"
    return f"{value}{rng.choice('uuuU')}", "literal uint"


def double_literal(rng, value):
    if math.isnan(value):
        return rng.choice(['double("NaN")', "(0.0 / 0.0)"]), "literal double"
    if math.isinf(value):
        return (f"({'-' if value < 0 else ''}1.0 / 0.0)", "literal double")
    text = repr(value)
    if "." not in text and "e" not in text:
        text += ".0"
    if rng.random() < 0.1 and "e" not in text:
        text += rng.choice(["e0", "E+0", "e-0"])
    if rng.random() < 0.1 and text.startswith("0."):
        text = text[1:]
    return text, "literal double"


def duration_text(ns):
    sign, ns = ("-" if ns < 0 else ""), abs(ns)
    text = f"{sign}{ns // 10**9}.{ns % 10**9:09d}".rstrip("0").rstrip(".")
    return text + "s"


def literal(rng, kind, value):
    """(text, name of its form) of a value of a scalar type."""
    base = kind.split(":")[0]
    if base == "string":
        return string_literal(rng, value)
    if base == "bytes":
        return bytes_literal(rng, value)
    if base == "int":
        return int_literal(rng, value)
    if base == "uint":
        return uint_literal(rng, value)
    if base == "double":
        return double_literal(rng, value)
    if base == "timestamp":
        return f'timestamp("{value}")', "literal timestamp"
    if base == "duration":
        return f'duration("{duration_text(value)}")', "literal duration"
    return {True: "true", False: "false", None: "null"}[value], f"literal {base}"


# ---- as a binding ----

def typed_double(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def typed_scalar(kind, value):
    if kind in ("int", "uint"):
        return {kind: str(value)}
    if kind == "double":
        return {"double": typed_double(value)}
    if kind == "bytes":
        return {"bytes": base64.b64encode(value).decode()}
    if kind == "duration":
        return {"duration": duration_text(value)}
    return {kind: True if kind == "null" else value}


def typed_map(rng, key, of):
    size, keys = rng.choice([0, 1, 2, 3, 3]), POOLS[f"{key}:key"][:4]
    chosen = rng.sample(keys, min(size, len(keys)))
    return {"map": [[typed_scalar(key, k), typed(rng, of)] for k in chosen]}


def typed(rng, kind):
    """A value of any type, drawn, as a row's binding has it."""
    if isinstance(kind, tuple):
        if kind[0] == "list":
            size = rng.choice([0, 1, 2, 3, 3, 5])
            return {"list": [typed(rng, kind[1]) for _ in range(size)]}
        if kind[0] == "map":
            return typed_map(rng, kind[1], kind[2])
        if kind[0] == "optional":
            return {"optional": typed(rng, kind[1]) if rng.random() < 0.6 else None}
        return typed(rng, kind[1]) if rng.random() < 0.6 else {"null": True}  # wrapper
    if kind == "dyn":
        kind = rng.choice(["int", "uint", "double", "string", "bool", "null", ("list", "int"),
                           ("map", "string", "dyn"), "timestamp"])
        return typed(rng, kind)
    if kind == "ip":
        return {"ip": rng.choice(["10.0.0.1", "127.0.0.1", "::1", "2001:db8::1"])}
    if kind == "cidr":
        return {"cidr": rng.choice(["10.0.0.0/8", "192.168.1.5/24", "2001:db8::/32"])}
    return typed_scalar(kind, pick(rng, kind))


def type_json(kind):
    if not isinstance(kind, tuple):
        name = {"ip": "net.IP", "cidr": "net.CIDR"}.get(kind)
        return {"abstract": name, "params": []} if name else kind
    params = [type_json(p) for p in kind[1:]]
    if kind[0] == "map":
        return {"map": params}
    if kind[0] == "optional":
        return {"abstract": "optional_type", "params": params}
    return {kind[0]: params[0]}
