# SPDX-License-Identifier: Apache-2.0
"""
What a Neo4j database holds, as Neo4j's own driver for Python reads it, to the bit and without ids; and a graph with
everything that a property, a label, a type and an index can be.
"""
import collections
import struct

from graphs import quoted

OURS = ("Migration", "_Migration", "__Dataflow", "_Dataflow")


def exactly(value):
    """A value as text that is another when the value is."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return "float:" + struct.pack(">d", value).hex()
    if isinstance(value, (int, str)):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, (bytes, bytearray)):
        return "bytes:" + bytes(value).hex()
    if isinstance(value, (list, tuple)) and not hasattr(value, "srid"):
        return "[" + ",".join(map(exactly, value)) + "]"
    if hasattr(value, "srid"):
        return f"point:{value.srid}:" + ",".join(exactly(float(x)) for x in value)
    zone = getattr(getattr(value, "tzinfo", None), "zone", "") or getattr(getattr(value, "tzinfo", None), "key", "")
    return f"{type(value).__name__}:{value.iso_format() if hasattr(value, 'iso_format') else value!r}:{zone}"


def properties(entity):
    return tuple(sorted((key, exactly(value)) for key, value in entity.items()))


def picture(graph):
    """Nodes, relationships with both of their ends, constraints and indexes; what is ours left out."""
    nodes, edges = collections.Counter(), collections.Counter()
    seen = {}
    with graph.driver.session() as session:
        for record in session.run("MATCH (n) RETURN n"):
            node = record["n"]
            if any(label.startswith(OURS) for label in node.labels):
                continue
            seen[node.element_id] = (tuple(sorted(node.labels)), properties(node))
            nodes[seen[node.element_id]] += 1
        for record in session.run("MATCH ()-[r]->() RETURN r"):
            r = record["r"]
            if r.start_node.element_id in seen and r.end_node.element_id in seen:
                edges[(seen[r.start_node.element_id], r.type, properties(r), seen[r.end_node.element_id])] += 1
        rules = sorted(map(str, session.run("SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties, createStatement").values()))
        rules += sorted(map(str, session.run("SHOW INDEXES YIELD name, state, type, labelsOrTypes, properties, createStatement, owningConstraint "
                                             "WHERE owningConstraint IS NULL AND type <> 'LOOKUP' RETURN name, state, type, labelsOrTypes, properties, createStatement").values()))
    return nodes, edges, [rule for rule in rules if not any(f"['{label}" in rule for label in OURS)]


def differences(before, after):
    """What only one of two pictures has."""
    lines = []
    for a, b, what in zip(before, after, ("node", "relationship", "rule")):
        if isinstance(a, list):
            a, b = collections.Counter(a), collections.Counter(b)
        lines += [f"- {what} {str(x)[:300]}" for x in list((a - b).elements())[:5]]
        lines += [f"+ {what} {str(x)[:300]}" for x in list((b - a).elements())[:5]]
    return lines


PROPERTIES = """
SET n.`true` = true, n.`false` = false, n.zero = 0, n.minus = -1, n.small = 127, n.int8 = -128, n.int16 = 32767, n.int32 = -2147483648,
    n.int64 = 9223372036854775807, n.lowest = -9223372036854775807 - 1, n.half = 0.5, n.nought = 0.0, n.minus_nought = -0.0, n.tiny = 4.9E-324,
    n.huge = 1.7976931348623157E308, n.nan = 0.0 / 0.0, n.inf = 1.0 / 0.0, n.minus_inf = -1.0 / 0.0, n.third = 1.0 / 3,
    n.date = date('2026-11-28'), n.early = date('0001-01-01'), n.time = time('12:34:56.123456789+05:30'), n.local_time = localtime('23:59:59.999999999'),
    n.offset = datetime('2026-11-28T12:00:00.000000001-03:00'), n.zone = datetime('2026-07-01T12:00:00.5[Europe/Berlin]'),
    n.autumn = datetime('2026-10-25T02:30:00+01:00[Europe/Berlin]'), n.old = datetime('1899-12-31T23:59:59+00:19'), n.local = localdatetime('2026-11-28T12:00:00'),
    n.duration = duration({months: 14, days: -3, seconds: 5, nanoseconds: 7}), n.no_duration = duration('PT0S'),
    n.flat = point({x: 1.5, y: -2.5}), n.solid = point({x: 1, y: 2, z: -0.0}), n.place = point({longitude: 13.4, latitude: 52.5}),
    n.high = point({longitude: 13.4, latitude: 52.5, height: 34.5}),
    n.bools = [true, false], n.ints = [1, 2, 9223372036854775807], n.floats = [0.1, -0.0, 0.0 / 0.0], n.whole_floats = [1.0, 2.0], n.texts = ['a', '', 'ü'],
    n.dates = [date('2026-01-01'), date('2026-01-02')], n.zones = [datetime('2026-01-01T00:00[America/New_York]')], n.durations = [duration('P1D')],
    n.points = [point({x: 1, y: 2}), point({x: 3, y: 4})], n.nothing = [], n.same = 1, n.same_float = 1.0, n.same_text = '1', n.same_list = [1],
    n.times = [time('00:00+00:00')], n.locals = [localdatetime('2000-01-01T00:00')], n.local_times = [localtime('00:00')]
"""
ODD = ["`", "a`b", " ", "a b", "ключ", "日本語", "$p", "1x", "a:b", "'", '"', "\\", "n}) DETACH DELETE (n", "\U0001f418", "%s", "-"]


def everything(graph, people=12000):
    """Fills an empty database."""
    run = graph.run
    run("CREATE (n:Everything:`Second Label`) " + PROPERTIES)
    run("CREATE (n:Bytes) SET n.empty = $e, n.some = $s, n.long = $l", e=b"", s=bytes(range(256)), l=bytes(100000))
    run("CREATE (n:Texts) SET n.empty = '', n.nul = $nul, n.long = $long, n.lines = $lines, n.wide = $wide", nul="a\0b", long="x" * 300000, lines="a\nb\r\n\t", wide="\U0001f418" * 20000)
    run("UNWIND range(1, 3) AS i CREATE ()")
    run("CREATE ({a: 1}), ({a: 1}), ({a: 2})")
    for name in ODD:
        run(f"CREATE (n:{quoted(name)} {{{quoted(name)}: $name}})-[r:{quoted(name)} {{{quoted(name)}: $name}}]->(n)", name=name)
    run("CREATE (n:Alone)-[:SELF]->(n), (n)-[:SELF]->(n), (n)-[:SELF {a: 1}]->(n)")
    run("CREATE (a:Twin), (b:Twin), (a)-[:SAME]->(b), (a)-[:SAME]->(b), (a)-[:SAME {x: 1}]->(b), (b)-[:SAME]->(a)")
    run("CREATE (a:From)-[n:EVERYTHING]->(b:To) " + PROPERTIES)
    run("UNWIND range(1, $n) AS i CREATE (:Person {id: i, name: 'person ' + i, at: point({x: i, y: -i}), vector: [i * 1.0, 1.0, 0.5]})", n=people)
    run("MATCH (p:Person) WHERE p.id % 3 = 0 SET p:Third")
    run("CREATE INDEX person_id FOR (p:Person) ON (p.id)")
    run("CALL db.awaitIndexes(300)")
    run("UNWIND range(1, $n) AS i MATCH (a:Person {id: i}), (b:Person {id: i * 7919 % $n + 1}) CREATE (a)-[:KNOWS {since: i, note: 'n' + i}]->(b)", n=people)
    run("MATCH (a:Person {id: 1}), (b:Person) WHERE b.id <= 3000 CREATE (a)-[:FOLLOWS]->(b)")
    for statement in ("CREATE INDEX both FOR (p:Person) ON (p.id, p.name)", "CREATE TEXT INDEX words FOR (p:Person) ON (p.name)",
                      "CREATE INDEX since FOR ()-[k:KNOWS]-() ON (k.since)", "CREATE TEXT INDEX notes FOR ()-[k:KNOWS]-() ON (k.note)",
                      "CREATE POINT INDEX places FOR (p:Person) ON (p.at) OPTIONS {indexConfig: {`spatial.cartesian.min`: [-100000.0, -100000.0], `spatial.cartesian.max`: [100000.0, 100000.0]}}",
                      "CREATE FULLTEXT INDEX `full ``text``` FOR (p:Person|`a``b`) ON EACH [p.name, p.`a b`] OPTIONS {indexConfig: {`fulltext.analyzer`: 'english', `fulltext.eventually_consistent`: true}}",
                      "CREATE FULLTEXT INDEX full_rel FOR ()-[k:KNOWS|FOLLOWS]-() ON EACH [k.note]",
                      "CREATE VECTOR INDEX vectors FOR (p:Person) ON (p.vector) OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'euclidean'}}",
                      "CREATE CONSTRAINT FOR (t:Third) REQUIRE t.id IS UNIQUE", "CREATE CONSTRAINT `two keys` FOR (p:Person) REQUIRE (p.name, p.at) IS UNIQUE",
                      "CREATE CONSTRAINT known FOR ()-[k:KNOWS]-() REQUIRE (k.since, k.note) IS UNIQUE"):
        run(statement)
    run("CALL db.awaitIndexes(300)")
