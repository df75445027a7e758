#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A team comes from another migration runner, and goes back: the tool itself applies the first half of a history, `adopt`
takes over, `up` applies the rest; the schema is then the one that the tool's own full run makes. `adopt --hand-back` writes
what was applied since into the tool's own table: the rows are those of the tool's full run, the tool finds nothing to do
(and its validation passes), and applies the next migration as if it had never been away.

test_runners.py DATAFLOW; PEERS_RUNNERS names the folder of the tools, which bench/peers.sh fills.
"""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
import migrations  # noqa: E402
import runners  # noqa: E402
from migrations import Dataflow, Servers, Tap, said, skip_all  # noqa: E402

COUNT = 12
BACK = (runners.Dbmate, runners.Goose, runners.GolangMigrate, runners.Flyway, runners.NodePgMigrate, runners.Liquibase)
tap = Tap()


class Folder:
    """
    A history (`all`), its first half (`half`, `at` migrations of `count`), and the history with one migration more
    (`more`; None where it cannot be had). `per`: files a migration; `inside`: the folder in which Liquibase's changelog has them.
    """

    def __init__(self, top, files, per=1, one_more=None, inside=""):
        self.inside = inside
        self.top, self.count = top, len(files) // per
        self.at = self.count // 2
        self.all = self._of("all", files)
        self.half = self._of("half", files[: self.at * per])
        self.more = self._of("more", files) if one_more else None
        if one_more:
            one_more(self.more)

    def _of(self, name, files):
        folder = os.path.join(self.top, name)
        os.makedirs(os.path.join(folder, self.inside))
        for path in files:
            shutil.copy(path, os.path.join(folder, self.inside))
        if self.inside:
            runners.write(folder, "changelog.xml", runners.LIQUIBASE)
        return folder


def small(top, runner, engine):
    """The small history, in the layout of that tool."""
    made = os.path.join(top, "made")
    runners.write_history(made, runner.layout, COUNT, engine)
    inside = "changes" if runner.layout == "liquibase" else ""
    names = sorted(os.listdir(os.path.join(made, inside)), key=migrations.dotted)
    files = [os.path.join(made, inside, name) for name in names]
    return Folder(top, files, len(files) // COUNT, lambda folder: runners.write_one(folder, runner.layout, COUNT + 1, engine), inside)


def real(top, runner, engine):
    """A real history that this tool's users wrote; None when there is none here."""
    where = {("goose", "postgres"): "e2b-infra/packages/db/migrations",
             ("flyway", "postgres"): "kestra/jdbc-postgres/src/main/resources/migrations/postgres"}.get((runner.name, engine))
    path = where and os.path.join(migrations.HISTORIES, where)
    if not path or not os.path.isdir(path):
        return None
    names = sorted((n for n in os.listdir(path) if n.endswith(".sql")), key=lambda n: (migrations.dotted(n.split("__")[0]), n))
    return Folder(top, [os.path.join(path, n) for n in names])


def works(result, name):
    return tap.ok(result.returncode == 0, name, said(result))


def rows(database, runner):
    """What the tool's table says, without when and who."""
    return database.sql(f"SELECT {runner.facts} FROM {runner.table} ORDER BY {runner.order}")


def idle(runner, address, folder, database, label):
    """The tool finds nothing to do, and does nothing."""
    before = rows(database, runner)
    result = runner.up(address, folder)
    text = result.stdout + result.stderr
    good = result.returncode == 0 and rows(database, runner) == before and (not runner.nothing or runner.nothing in text)
    tap.ok(good, f"{label}: the tool finds nothing to do", said(result))
    if runner.name == "dbmate":
        status = runner.status(address, folder)
        tap.ok("Pending: 0" in status.stdout, f"{label}: and its status has nothing pending", said(status))
    if runner.name == "flyway":
        works(runner.validate(address, folder), f"{label}: and its validate passes")


def switch(program, pool, other, runner, engine, folder, label):
    # On a server of its own: a history may make roles, which the databases of a server share.
    reference, database = other.database(engine), pool.database(engine)
    address = runners.Address(database)
    if not works(runner.up(runners.Address(reference), folder.all), f"{label}: the tool's own full run"):
        return
    if not works(runner.up(address, folder.half), f"{label}: the tool applies the first half"):
        return
    dataflow = Dataflow(program, address.ours, folder.all)
    if not works(dataflow.run("adopt", "--yes"), f"{label}: adopt"):
        return
    _, status = dataflow.json("status")
    tap.equal((status["applied"], status["pending"]), (folder.at, folder.count - folder.at),
              f"{label}: the first half counts as applied, the second waits")
    if not works(dataflow.run("up"), f"{label}: up applies the rest"):
        return
    tap.equal(database.dump(), reference.dump(), f"{label}: the schema is that of the tool's own full run")
    if not works(dataflow.run("adopt", "--hand-back", runner.layout, "--yes"), f"{label}: adopt --hand-back"):
        return
    tap.equal(rows(database, runner), rows(reference, runner), f"{label}: the tool's table says what it says after its own full run")
    idle(runner, address, folder.all, database, label)
    if folder.more:
        works(runner.up(address, folder.more), f"{label}: the tool applies the next migration")
        tap.equal(database.sql(f"SELECT COUNT(*) FROM item_{COUNT + 1}"), "0", f"{label}: which is there")
        _, status = Dataflow(program, address.ours, folder.more).json("status")
        tap.equal((status["applied"], status["pending"]), (folder.count, 1), f"{label}: and status sees that as waiting, until it is adopted")


def main():
    program = migrations.binary()
    if not os.environ.get("PEERS_RUNNERS"):
        skip_all("PEERS_RUNNERS names no folder of other runners (bench/peers.sh makes one)")
    found = {r.name: r for r in runners.runners()}
    with Servers() as pool, Servers() as other:
        for kind in BACK:
            if kind.name not in found:
                tap.skip(kind.name, f"not in {os.environ['PEERS_RUNNERS']}")
                continue
            runner = found[kind.name]
            for engine in runner.engines:
                if not pool.has(engine):
                    tap.skip(f"{runner.name} on {engine}", "no server")
                    continue
                for what, make in (("", small), (", a real history", real)):
                    with tempfile.TemporaryDirectory(prefix="dataflow-runners-") as top:
                        folder = make(top, runner, engine)
                        if folder:
                            switch(program, pool, other, runner, engine, folder, f"{runner.name} on {engine}{what}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
