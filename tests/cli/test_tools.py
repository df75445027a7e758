# SPDX-License-Identifier: Apache-2.0
"""The tools that build and check the tree: layers.py, sql2c.py, reference.py."""
import os
import shutil
import subprocess
import sys
import tempfile

from tap import check, contains, done, equal, skip

root = os.environ.get("SOURCE_ROOT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
folder = tempfile.mkdtemp()
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def tool(name, *args, cwd=folder):
    return subprocess.run([sys.executable, os.path.join(root, "tools", name), *args], cwd=cwd, capture_output=True,
                          text=True, timeout=60, check=False)


def tree(files):
    shutil.rmtree(os.path.join(folder, "src"), ignore_errors=True)
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, "src", path)), exist_ok=True)
        with open(os.path.join(folder, "src", path), "w", encoding="utf-8") as file:
            file.write(text)


def layers(name, problem, files):
    """The tree with these files has this problem and no other; None: has none."""
    tree({"base/a.h": SPDX, "engine/engine.h": SPDX, "delta/log/log.h": SPDX, **files})
    result = tool("layers.py", folder)
    problems = result.stdout.splitlines()[:-1]
    if problem is None:
        equal((result.returncode, problems), (0, []), name)
    else:
        check(result.returncode == 1 and len(problems) == 1 and problem in problems[0], name, result.stdout)
    tap = tool("layers.py", "--tap", folder)
    equal(tap.stdout.startswith("not ok 1"), problem is not None, f"{name}: the same in TAP")


# ---- layers.py ----
layers("what stands above may be included", None,
       {"delta/log/a.c": SPDX + '#include "base/a.h"\n#include "delta/log/log.h"\n#include <dataflow/error.h>\n'})
layers("what stands below may not", "base includes engine/engine.h, which stands below it",
       {"base/b.c": SPDX + '#include "engine/engine.h"\n'})
layers("also between folders of delta", "delta/log includes delta/job/job.h, which stands below it",
       {"delta/job/job.h": SPDX, "delta/log/b.c": SPDX + '#  include "delta/job/job.h"\n'})
layers("a header beside the file is its own folder's", None, {"engine/sqlite/b.h": SPDX,
                                                              "engine/sqlite/b.c": SPDX + '#include "b.h"\n'})
layers("drivers do not know each other", "the folders of engine do not know each other",
       {"engine/sqlite/b.h": SPDX, "engine/mariadb/b.c": SPDX + '#include "engine/sqlite/b.h"\n'})
layers("but know what they share", None, {"engine/sqlite/b.c": SPDX + '#include "engine/engine.h"\n'})
layers("a library belongs to one folder", "libpq-fe.h is for engine/postgres alone",
       {"delta/job/a.c": SPDX + "#include <libpq-fe.h>\n"})
layers("and may be included there", None, {"engine/postgres/a.c": SPDX + "#include <libpq-fe.h>\n"})
layers("no ways upwards", "includes are written from src/", {"engine/x.c": SPDX + '#include "../base/a.h"\n'})
layers("a folder that is nowhere in the order", "its folder is in no layer", {"misc/a.c": SPDX})
layers("a file without licence identifier", "the first line is not the licence", {"base/b.c": "int x;\n"})
layers("a file that is too long", "701 lines, at most 700", {"base/b.c": SPDX + "\n" * 700})
layers("one that is just not", None, {"base/b.c": SPDX + "\n" * 699})
layers("folders in another order in meson.build", "not named in the order",
       {"meson.build": "subdir('engine')\nsubdir('base')\n"})
tree({"base/b.c": SPDX + "int f(void)\n{\n" + "    f();\n" * 81 + "}\n"})
result = tool("layers.py", folder)
equal(result.returncode, 0, "a long function does not fail")
contains(result.stdout, "note: src/base/b.c:3: a function of 83 lines", "but is pointed out")
shutil.rmtree(os.path.join(folder, "src"))
equal(tool("layers.py", folder).returncode, 1, "an empty tree is not a good one")

# ---- sql2c.py ----
SQL = """-- what this is
-- name: first
SELECT 'it''s', "col\\umn", '??='
-- a comment
FROM t   -- behind

WHERE x = ?;

--name:second_2
CREATE TABLE u (a TEXT);
"""
source, target = os.path.join(folder, "a.sql"), os.path.join(folder, "a.h")


def convert(text):
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    return tool("sql2c.py", source, target)


equal(convert(SQL).returncode, 0, "sql2c.py makes a header")
compiler = shutil.which("cc")
if compiler:
    with open(os.path.join(folder, "a.c"), "w", encoding="utf-8") as file:
        file.write('#include <stdio.h>\n#include "a.h"\nint main(void) { fputs(SQL_first, stdout); putchar(1); '
                   'fputs(SQL_second_2, stdout); }\n')
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-trigraphs"]
    built = subprocess.run([compiler, *flags, "a.c", "-o", "a"], cwd=folder, capture_output=True, text=True, check=False)
    equal(built.stderr, "", "which a strict compiler takes")
    printed = subprocess.run([os.path.join(folder, "a")], capture_output=True, text=True, check=False).stdout
    first = "SELECT 'it''s', \"col\\umn\", '??='\nFROM t   -- behind\n\nWHERE x = ?;\n"
    equal(printed.split("\1"), [first, "CREATE TABLE u (a TEXT);\n"], "and holds the statements as they stand")
else:
    skip("sql2c.py compiled", "no C compiler")
for text, message in (("SELECT 1;\n", "a.sql:1: SQL before the first"), ("-- name: a\nx\n-- name: a\ny\n", "a is there twice"),
                      ("-- name: a-b\nx\n", '"a-b" is no name'), ("-- name: a\n\n-- name: b\nx\n", "a is empty")):
    result = convert(text)
    check(result.returncode == 1 and message in result.stderr, f"sql2c.py refuses: {message}", result.stderr)
equal(convert("-- name: long\n" + "SELECT 1;\n" * 2000).returncode, 0, "a long statement")

# ---- reference.py ----
program, page = os.path.join(folder, "program"), os.path.join(folder, "docs", "page.md")
with open(program, "w", encoding="utf-8") as file:
    file.write('#!/bin/sh\nprintf "%s|" "$@"\n')
os.chmod(program, 0o755)
result = tool("reference.py", "--check", program, page)
check(result.returncode == 1 and result.stdout.startswith("not ok 1"), "a missing page is not up to date", result.stdout)
equal(tool("reference.py", program, page).returncode, 0, "the page is written")
with open(page, encoding="utf-8") as file:
    equal(file.read(), "help|--format|markdown|", "as the program says")
equal(tool("reference.py", "--check", program, page).returncode, 0, "then it is up to date")
with open(page, "a", encoding="utf-8") as file:
    file.write("more\n")
result = tool("reference.py", "--check", program, page)
check(result.returncode == 1 and "# -help|--format|markdown|more" in result.stdout, "a changed page is found, with the difference", result.stdout)
shutil.rmtree(folder)
done()
