#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
mariadb_client.py SQL-TOOL FOLDER: MariaDB's files are split as the mariadb client splits them, which the server's
general log tells; and compound statements without DELIMITER, which the client cannot split, are whole to the server.
"""
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "cli")]
import servers  # noqa: E402
import tap  # noqa: E402

# What the histories have little of, as the client understands it.
SCRIPTS = [
    "select 1; select 2;",
    "select ';', \"a;\\\"b;\", `c``;d`, 'e\\';f', 'g'';h' ; select 2;",
    "select 1 # ; comment\n; select 5--1; select 2 -- ; comment\n, 3; /* ; */ select 4;",
    "select 5 --\t; comment\n; select 1;",
    "/*!40101 SET @a = 1 */; /*M!100100 SET @b = 2 */; select /*!99999 no; */ 3;",
    "DELIMITER //\ncreate procedure p() begin select 1; select 2; end//\nselect 1//\ndelimiter ;\nselect 2;",
    "DELIMITER $$\nselect 1; select 2$$\nselect '$$' $$\nDELIMITER ;\nselect 3;",
    "delimiter ;;\nselect 1;;\ndelimiter ;\nselect 2;",
    "select 1;\n\n;;\nselect 2;\nselect 'no end'",
    "select N'a;', x'3b', b'1', _utf8'b;', 0x3b; select 2;",
    "select 'a' -- c;\n 'b;'; select 1e5, .5, 1.5e-3; select @a, @@version, @`x;y`;",
    "select case when 1 then 2 end; select 1 as `end`; select 2;",
    "/* a comment; */\n-- another;\n# a third;\nselect 1; -- the last;",
    "select \\N; select 1;",
]

# (script, number of statements): no DELIMITER anywhere, which the server and other drivers take as they are.
COMPOUND = [
    ("CREATE PROCEDURE q1() BEGIN SELECT 1; SELECT 2; END; SELECT 1;", 2),
    ("CREATE PROCEDURE q2() SELECT 1; SELECT 2;", 2),
    ("CREATE OR REPLACE DEFINER=`root`@`localhost` PROCEDURE q3(IN a INT, OUT b VARCHAR(9)) SQL SECURITY INVOKER "
     "COMMENT 'begin;' lbl: BEGIN DECLARE x INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = 1; "
     "DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE VALUE '23000' BEGIN ROLLBACK; END; "
     "IF a > 1 THEN SET b = CASE WHEN a = 2 THEN 'x' ELSE 'y' END; ELSEIF a = 5 THEN SET b = 'z'; "
     "ELSE BEGIN SET b = 'q'; END; END IF; WHILE x < 3 DO SET x = x + 1; END WHILE; "
     "REPEAT SET x = x + 1; UNTIL x > 9 END REPEAT; lp: LOOP LEAVE lp; END LOOP lp; "
     "CASE a WHEN 1 THEN SELECT 1; WHEN 2 THEN SELECT IF(a, 1, 2); ELSE BEGIN END; END CASE; "
     "FOR i IN 1..3 DO SET x = i; END FOR; END lbl; SELECT 1", 2),
    ("CREATE FUNCTION q4(a INT) RETURNS VARCHAR(10) CHARACTER SET utf8mb4 DETERMINISTIC NO SQL RETURN IF(a, 'b;', "
     "CASE a WHEN 0 THEN 'c' END); SELECT 2;", 2),
    ("CREATE FUNCTION q5(a INT) RETURNS INT DETERMINISTIC BEGIN RETURN a; END; SELECT 2;", 2),
    ("CREATE TABLE tt (a INT, `end` INT, begin INT); CREATE TRIGGER q6 BEFORE INSERT ON tt FOR EACH ROW BEGIN "
     "SET NEW.a = NEW.end; IF NEW.begin THEN SET NEW.a = 1; END IF; END; SELECT 1;", 3),
    ("CREATE TRIGGER q7 AFTER INSERT ON tt FOR EACH ROW FOLLOWS q8 SET @x = 1; SELECT 1;", 2),
    ("CREATE TRIGGER q8 AFTER INSERT ON tt FOR EACH ROW SET @y = 1; DROP TRIGGER q8; SELECT 1;", 3),
    ("CREATE EVENT q9 ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' ON COMPLETION PRESERVE DISABLE COMMENT 'c' DO BEGIN "
     "DELETE FROM tt; SET @z = 1; END; ALTER EVENT q9 DO SELECT 1; DROP EVENT q9;", 3),
    ("BEGIN NOT ATOMIC DECLARE v INT DEFAULT 1; IF v = 1 THEN SELECT 1; END IF; END; SELECT 2;", 2),
    ("IF 1 = 1 THEN SELECT 1; SELECT 2; END IF; SELECT 3;", 2),
    ("BEGIN; SELECT 1; COMMIT; BEGIN WORK; ROLLBACK;", 5),
    ("/*!50003 CREATE*/ /*!50020 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER q10 BEFORE DELETE ON tt FOR EACH ROW "
     "BEGIN SET @a = 1; SET @b = OLD.`end`; END */; SELECT 1;", 2),
    ("CREATE PROCEDURE q11() BEGIN SELECT begin, `end` FROM tt; INSERT INTO tt (a, `end`, begin) VALUES (1, 2, 3) ON "
     "DUPLICATE KEY UPDATE a = REPEAT('1', 2); START TRANSACTION; COMMIT; END; SELECT 2;", 2),
    ("CREATE PROCEDURE q12() IF 1 THEN SELECT 1; ELSE SELECT 2; END IF; SELECT 3;", 2),
    ("CREATE PROCEDURE q13() WHILE 0 DO SELECT 1; END WHILE; SELECT 3;", 2),
    ("CREATE AGGREGATE FUNCTION IF NOT EXISTS q14(x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0; DECLARE CONTINUE "
     "HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END; SELECT 1;", 2),
    ("CREATE VIEW vv AS SELECT CASE a WHEN 1 THEN 2 END AS event FROM tt; SELECT 1;", 2),
    ("CREATE PROCEDURE q15() BEGIN DECLARE c CURSOR FOR SELECT a FROM tt WHERE a IN (SELECT CASE a WHEN 1 THEN 1 END); "
     "OPEN c; CLOSE c; END; SELECT 1;", 2),
    ("CREATE PROCEDURE q16() BEGIN DECLARE EXIT HANDLER FOR 1062 IF 1 THEN SELECT 1; END IF; SELECT 1; END; SELECT 1;", 2),
]


def split(tool, script):
    """(statements, error or None), the texts as bytes."""
    done = subprocess.run([tool, "mariadb"], input=script, capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    error = lines.pop() if lines and "error" in lines[-1] else None
    return lines, error


def normal_forms(tool, texts):
    """What our normaliser makes of texts that somebody else split: handed over with a delimiter of their own."""
    mark = b"<<<end>>>"
    script = b"DELIMITER " + mark + b"\n" + b"".join(text + b"\n" + mark + b"\n" for text in texts)
    return [line["normal"] for line in split(tool, script)[0]]


def without_databases(text):
    """Scripts run in the one database that is there: they may not leave it."""
    return not re.search(rb"^\s*(use|drop\s+database|shutdown|set\s+global)\b", text, re.I | re.M)


class Client:
    """The mariadb client on a server that logs what it gets."""

    def __init__(self, server):
        self.server, self.log = server, os.path.join(server.folder, "general.log")
        server.sql(f"SET GLOBAL log_output = 'FILE'; SET GLOBAL general_log_file = '{self.log}'")

    def run(self, script):
        """Standard error of the client; an error does not stop it."""
        command = [servers.find_program("mariadb"), "--no-defaults", "-u", "dataflow", "-S", self.server.socket, "--force",
                   "dataflow"]
        return subprocess.run(command, input=script, capture_output=True,
                              env=os.environ | {"MYSQL_PWD": self.server.password}).stderr.decode(errors="replace")

    def sends(self, script):
        """The texts that the client sends for the script."""
        self.server.sql("SET GLOBAL general_log = 'ON'")
        self.run(script)
        self.server.sql("SET GLOBAL general_log = 'OFF'")
        with open(self.log, "rb") as file:
            log = file.read()
        open(self.log, "wb").close()
        entry = re.compile(rb"^(?:\d{6} [ \d]\d:\d\d:\d\d)?\t+ *(\d+) (Connect|Query|Quit|Init DB|Prepare|Execute|Close stmt)\t?",
                           re.M)
        found, texts, who = list(entry.finditer(log)), [], None
        for i, match in enumerate(found):
            end = found[i + 1].start() if i + 1 < len(found) else len(log)
            if match[2] == b"Connect" and b" on dataflow " in log[match.end():end]:
                who = match[1]
            if match[2] == b"Query" and match[1] == who:
                texts.append(log[match.end():end].removesuffix(b"\n"))
        return texts


def compare(client, tool, scripts):
    """Runs all scripts in one go, with a mark between them; the names of those that differ."""
    marked = b"".join(b"\nselect 'script %d';\n%s\n;\n" % (i, text) for i, (_, text) in enumerate(scripts))
    sent, groups = client.sends(marked), [[] for _ in scripts]
    at = None
    for text in sent:
        mark = re.fullmatch(rb"select 'script (\d+)'", text)
        if mark:
            at = int(mark[1])
        elif at is not None:
            groups[at].append(text)
    different, count = [], 0
    for (name, text), theirs in zip(scripts, groups):
        ours, error = split(tool, text)
        theirs = [form for form in normal_forms(tool, theirs) if form]
        count += len(ours)
        if error or [s["normal"] for s in ours] != theirs:
            different.append(f"{name}: {error or [s['normal'] for s in ours]} but the client sends {theirs}"[:2000])
    return different, count


def needs_delimiter(text):
    """A body that the client would cut, and no DELIMITER: written for drivers."""
    return re.search(rb"\bcreate\b[^;]*\b(procedure|function|trigger|event)\b[^;]*\bbegin\b", text, re.I) and not \
        re.search(rb"^\s*delimiter\b", text, re.I | re.M)


def syntax_errors(client, statements):
    """What the server has against the statements, each handed over whole."""
    run = b"".join(b"DELIMITER <<<>>>\n%s\n<<<>>>\n" % s["text"].encode("latin-1") for s in statements)
    return "\n".join(line for line in client.run(run).splitlines() if "1064" in line)


def check_compound(client, tool):
    for number, (script, wanted) in enumerate(COMPOUND):
        ours, error = split(tool, script.encode())
        if tap.equal((len(ours), error), (wanted, None), f"compound script {number} has its statements"):
            tap.equal(syntax_errors(client, ours), "", f"compound script {number} is no syntax error to the server")
    cut = split(tool, b"CREATE PROCEDURE q0() BEGIN SELECT 1; END")[0]
    cut[0]["text"] = cut[0]["text"].removesuffix("END")
    tap.check(syntax_errors(client, cut), "one that is cut is a syntax error")


def check_dump(client, tool):
    """What mariadb-dump writes: executed comments, DELIMITER, a command to the client in a comment."""
    dump = servers.find_program("mariadb-dump")
    if not dump:
        tap.skip("a dump", "mariadb-dump is not installed")
        return
    client.run(b"INSERT INTO tt VALUES (1, 2, 3);\nDELIMITER //\nCREATE EVENT dumped ON SCHEDULE EVERY 1 DAY DISABLE DO BEGIN DELETE FROM tt; SET @a = ';'; END//")
    command = [dump, "--no-defaults", "-u", "dataflow", "-S", client.server.socket, "--routines", "--events", "--triggers",
               "dataflow"]
    text = subprocess.run(command, capture_output=True, check=True,
                          env=os.environ | {"MYSQL_PWD": client.server.password}).stdout
    # the client takes the first line for itself only where nothing stands before it
    different, count = compare(client, tool, [("dump", b"".join(text.splitlines(True)[1:]))])
    tap.check(not different and count > 60, f"the {count} statements of a dump as the client sends them", *different)
    ours, error = split(tool, text)
    tap.check(b"sandbox" in text.splitlines()[0] and error is None and len(ours) == count, "with its first line", error)


def main(tool, folder):
    if not servers.MariaDB.available():
        tap.skip("mariadb", "not installed")
        return tap.done()
    with servers.MariaDB() as server:
        client = Client(server)
        for number, script in enumerate(SCRIPTS):
            different, _ = compare(client, tool, [(f"script {number}", script.encode())])
            tap.check(not different, f"script {number} is split as the client splits it", *different)
        check_compound(client, tool)
        check_dump(client, tool)
        paths = [p for p in sorted(glob.glob(os.path.join(folder, "**", "*.sql"), recursive=True))
                 if "mysql" in p and os.path.isfile(p)]
        if not paths:
            tap.skip("histories", "they are not there")
            return tap.done()
        scripts, whole = [], []
        for path in paths:
            with open(path, "rb") as file:
                name, text = os.path.relpath(path, folder), file.read()
            if needs_delimiter(text):
                whole.append((name, text))
            elif without_databases(text):
                scripts.append((name, text))
        different, count = compare(client, tool, scripts)
        tap.check(not different and count > 500, f"{count} statements of {len(scripts)} files as the client sends them",
                  *different)
        for name, text in whole:
            ours, error = split(tool, text)
            tap.equal((syntax_errors(client, ours), error), ("", None), f"{name} needs no DELIMITER")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
