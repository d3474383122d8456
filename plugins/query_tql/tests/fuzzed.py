"""Queries that nobody would write: made from the grammar, damaged, and made of any characters.

``python plugins/query_tql/tests/fuzzed.py 1000000 [seed]`` runs a million of them. Whatever the text, a
query gives a view or a ``QueryError``, soon.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator

import deeplake
from deeplake.errors import QueryError

NAMES = [
    "labels", "x", "id", "text", "boxes", "emb", "json", "tags", "flag", '"x"', "nope", "a", "seq",
    "maybe", "json['a']", "json['k']['z'][1]", "boxes[:, 3]", "boxes[0]", "emb[1]", "emb[::2]",
]  # fmt: skip
LITERALS = [
    "0", "1", "-1", "3.5", "1e400", "1e-3", "18446744073709551615", "99999999999999999999999", "'dog'",
    "'Item number 3'", "'%1_'", "''", "true", "false", "null", "ARRAY[1, 2, 3]", "ARRAY[]", "ARRAY['a']",
    "'é\u2603'", ".5", "5.", "9223372036854775807", "-9223372036854775808",
]  # fmt: skip
FUNCTIONS = [
    "ALL", "ANY", "ALL_STRICT", "SUM", "PROD", "AVG", "AMIN", "AMAX", "ABS", "SQRT", "L1_NORM",
    "L2_NORM", "LINF_NORM", "SHAPE", "NONZERO", "KEYS", "LENGTH", "LOWER", "UPPER", "ROUND", "LN",
    "EXP", "COUNT", "MIN", "MAX", "SAMPLE_INFO", "LOGICAL_NOT", "SIGN", "FLOOR",
]  # fmt: skip
PAIRS = [
    "CONTAINS", "LOGICAL_AND", "LOGICAL_OR", "DOT", "COSINE_SIMILARITY", "HAMMING_DISTANCE", "POWER",
    "L2_NORM", "MAXSIM", "DATA", "ROUND",
]  # fmt: skip
CHARACTERS = "abcxyz019 \t\n'\"()[]{},.:;*+-/%=<>!?_\\\0é☃\U0001f600\ud800"
HUGE = ["1000000000", "99999999999999999999", "1e18", "2147483648"]


class Maker:
    """Makes queries."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def expression(self, depth: int = 0) -> str:
        pick = self.random.random
        one = self.random.choice
        if depth > 3 or pick() < 0.25:
            return one(NAMES) if pick() < 0.6 else one(LITERALS)
        inner = self.expression
        kind = self.random.randrange(14)
        if kind < 3:
            symbol = one(["==", "!=", "<", "<=", ">", ">=", "=", "<>"])
            return f"{inner(depth + 1)} {symbol} {inner(depth + 1)}"
        if kind < 5:
            return f"({inner(depth + 1)} {one(['AND', 'OR', 'and'])} {inner(depth + 1)})"
        if kind == 5:
            return f"NOT ({inner(depth + 1)})"
        if kind < 8:
            return f"({inner(depth + 1)} {one(['+', '-', '*', '/', '%'])} {inner(depth + 1)})"
        if kind == 8:
            return f"{one(FUNCTIONS)}({inner(depth + 1)})"
        if kind == 9:
            return f"{one(PAIRS)}({inner(depth + 1)}, {inner(depth + 1)})"
        if kind == 10:
            few = ", ".join(one(LITERALS) for _ in range(self.random.randrange(4)))
            return f"{one(NAMES)} {one(['', 'NOT'])} IN ({few})"
        if kind == 11:
            word = one(["BETWEEN {} AND {}", "NOT BETWEEN {} AND {}"])
            return f"{one(NAMES)} {word.format(one(LITERALS), one(LITERALS))}"
        if kind == 12:
            return one([
                f"{one(NAMES)} {one(['LIKE', 'ILIKE', 'NOT LIKE'])} {one(LITERALS)}",
                f"{one(NAMES)} IS {one(['', 'NOT'])} NULL",
                f"CAST({inner(depth + 1)} AS {one(['int', 'text', 'float', 'bool', 'uint8', 'zebra'])})",
                f"{one(NAMES)}[{one(['0', '-1', '5', ':2', '1:', '::-1', '...', ':, 1', 'x', '::0'])}]",
                one(["ROW_NUMBER()", "RANDOM()", "MAX_WEIGHT(x > 1: 2)", "SUM_WEIGHT(x)"]),
            ])  # fmt: skip
        subject = one(["", "", inner(depth + 1)])
        test, value, default = (inner(depth + 1) for _ in range(3))
        return f"CASE {subject} WHEN {test} THEN {value} ELSE {default} END"

    def large(self) -> str:
        """An expression, or what follows one, that would like to take much memory or time."""
        one, number = self.random.choice, self.random.randrange
        name, n = one(NAMES), one([3, 30, 300])
        return one([
            f"text LIKE '{'%a_' * n}'", f"labels ILIKE '{'%c' * n}b'", f"tags LIKE '{'%t' * n}'",
            f"CONTAINS(labels, '{'*a' * n}*')", f"CONTAINS(tags, '{'*t' * n}')",
            f"ANY({name} == ARRAY[{', '.join(['1'] * n)}])",
            f"{name} IN ({', '.join(map(str, range(n)))})",
            f"DOT(emb, ARRAY[{', '.join(['0.5'] * n)}]) > 1",
            "CASE " * (n // 10) + name + " WHEN 1 THEN 2 WHEN 2 THEN 1 END" * (n // 10) + " = 1",
            f"{'(' * n}{name}{')' * n} = 1", "NOT " * n + name, "-" * n + "x > 0",
            f"{name}{'[0]' * n} = 1",
            " + ".join([name] * n) + " > 0", " AND ".join([f"{name} > {k}" for k in range(n)]),
            f"POWER(x, {one(HUGE)}) > 1", f"ROUND(x, {one(HUGE)}) = 1", f"{name}[{one(HUGE)}] = 1",
            f"{name}[::{one(HUGE)}] = 1", f"DATA({name}, {one(HUGE)}) = 1",
            f"x * {one(HUGE)} * {one(HUGE)} > 1",
            f"UPPER({'LOWER(' * n}text{')' * n}) = ''", f"x = {'9' * n}", f"text = '{'é' * n}'",
            f"MAX_WEIGHT({', '.join(f'id > {k}: {k}' for k in range(n))}) > 1",
            f"id > 1 EXPAND BY {one(HUGE)} {one(HUGE)}",
            f"id > 1 EXPAND BY {number(9)} {one(HUGE)} OVERLAP false",
            f"id > 1 SAMPLE BY id LIMIT {one(HUGE)}", f"id > 1 SAMPLE BY id LIMIT {one(HUGE)} PERCENT",
            f"id > 1 ORDER BY {name}, x DESC LIMIT {one(HUGE)} OFFSET {one(HUGE)}",
            f"id > 1 GROUP BY {', '.join([name] * n)}",
        ])  # fmt: skip

    def nested(self) -> str:
        """Queries of queries of queries."""
        n = self.random.choice([3, 10, 40, 110])
        text = "SELECT id AS a, x AS b"
        kind = self.random.randrange(3)
        if kind == 0:
            return "SELECT a + b AS a, a - b AS b FROM (" * n + text + ")" * n
        if kind == 1:
            return "SELECT * FROM (" * n + "SELECT *" + ") WHERE id > 1" * n
        join = "SELECT * FROM (SELECT id, x) AS l JOIN ("
        return join * (n // 3) + "SELECT id, text" + ") AS r USING (id)" * (n // 3)

    def items(self) -> str:
        if self.random.random() < 0.4:
            return self.random.choice(["*", "*[0:2]", "*[0]", "*, 1 as one", "DISTINCT labels"])
        return ", ".join(
            f"{self.expression(1)}{self.random.choice(['', f' AS c{k}', f' AS c{k}'])}"
            for k in range(self.random.randrange(1, 4))
        )

    def query(self, depth: int = 0) -> str:
        chance = self.random.random
        one = self.random.choice
        parts = [f"SELECT {self.items()}"]
        if depth < 2 and chance() < 0.1:
            parts.append(f"FROM ({self.query(depth + 1)})")
        if chance() < 0.6:
            parts.append(f"WHERE {self.expression()}")
        if chance() < 0.08:
            parts.append(f"EXPAND BY {one('0123')} {one('012')}")
        if chance() < 0.2:
            parts.append(f"GROUP BY {self.expression(2)}")
        if chance() < 0.07:
            parts.append(f"UNGROUP BY {one(['SPLIT', '2', '[1, 2]', '0'])}")
        if chance() < 0.3:
            parts.append(f"ORDER BY {self.expression(2)} {one(['', 'DESC', 'ASC'])}")
        if chance() < 0.1:
            parts.append(f"SAMPLE BY {self.expression(2)} {one(['', 'REPLACE', 'REPLACE FALSE'])}")
        if chance() < 0.3:
            parts.append(f"LIMIT {one(['0', '3', '-1', '10 PERCENT', '1e9', '2 OFFSET 1', '?'])}")
        text = " ".join(parts)
        if depth < 2 and chance() < 0.08:
            op = one(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            text = f"({text}) {op} ({self.query(depth + 1)})"
        return text

    def damaged(self, text: str) -> str:
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(text) + 1)
            cut = self.random.randrange(4)
            junk = "".join(self.random.choices(CHARACTERS, k=self.random.randrange(3)))
            text = text[:at] + junk + text[at + cut :]
        return text

    def noise(self) -> str:
        if self.random.random() < 0.5:
            return "".join(self.random.choices(CHARACTERS, k=self.random.randrange(60)))
        return self.random.randbytes(self.random.randrange(60)).decode("latin-1")

    def any(self) -> str:
        kind = self.random.random()
        if kind < 0.05:
            return f"SELECT {self.items()} WHERE {self.large()}"
        if kind < 0.055:
            return self.nested()
        if kind < 0.6:
            return self.query()
        if kind < 0.85:
            return self.damaged(self.query())
        return self.noise()


def dataset() -> deeplake.Dataset:
    """A few rows of every kind, some of them None."""
    import numpy as np

    ds = deeplake.empty("mem://tql-fuzzed")
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog", "cow"])
    for name, dtype in (("x", "float64"), ("id", "int64"), ("flag", "bool"), ("maybe", "uint8")):
        ds.create_tensor(name, dtype=dtype)
    for name, htype in (("text", "text"), ("boxes", "bbox"), ("json", "json"), ("tags", "tag")):
        ds.create_tensor(name, htype=htype)
    ds.create_tensor("emb", htype="embedding", dtype="float32")
    ds.create_tensor("seq", htype="sequence[class_label]", class_names=["cat", "dog"])
    with ds:
        for i in range(12):
            ds.append({
                "labels": i % 3, "x": [i / 10, np.nan, np.inf][i % 3], "id": i - 3, "flag": i % 2 == 0,
                "maybe": None if i % 4 == 0 else i, "text": None if i == 5 else f"Item number {i}",
                "boxes": np.arange((i % 3) * 4, dtype=np.float32).reshape(-1, 4),
                "json": [{"a": i, "k": {"z": [i, i + 1]}}, {"a": f"t{i}"}, [1, "b"], None][i % 4],
                "tags": [f"t{i % 4}"] * (i % 3), "emb": np.full(3, i, np.float32), "seq": [0] * (i % 3),
            })  # fmt: skip
    return ds


def queries(seed: int, n: int) -> Iterator[str]:
    """``n`` queries that follow from a seed."""
    maker = Maker(seed)
    for _ in range(n):
        yield maker.any()


def run(ds: deeplake.Dataset, text: str) -> bool:
    """Run one; whether it gave a view. Anything but a QueryError goes on."""
    try:
        view = ds.query(text)
    except QueryError as error:
        if "cannot be evaluated" in str(error) or "more memory" in str(error):
            raise AssertionError("found out by NumPy, not by the engine") from error
        return False
    len(view)
    return True


def main() -> int:
    """Run many."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    ds = dataset()
    good = bad = 0
    slowest = (0.0, "")
    for text in queries(seed, n):
        start = time.perf_counter()
        try:
            good += run(ds, text)
        except Exception as error:  # noqa: BLE001 - all of them are findings
            bad += 1
            if bad < 40:
                cause = error.__cause__ or error
                print(f"{type(error).__name__}: {cause}\n    {text!r}")
        slowest = max(slowest, (time.perf_counter() - start, text))
    print(f"{n} queries, {good} gave a view, {bad} failed otherwise; slowest {slowest[0]:.2f} s: "
          f"{slowest[1]!r:.200}")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
