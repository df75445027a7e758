#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contenders.py ENGINE PUPPET: two and ten who want the lock; holders that are killed, and holders that are frozen."""
from puppets import main, tap, wait_until

check, equal, contains = tap.check, tap.equal, tap.contains


def prepared(place):
    name = place.database()
    first = place.puppet(name, "first")
    first.told("create")
    return name, first


def contend(place, contenders, times):
    name, first = prepared(place)
    first.told("sql CREATE TABLE counter (n INTEGER)")
    first.told("sql INSERT INTO counter (n) VALUES (0)")
    first.told("sql CREATE TABLE fences (fence INTEGER)")
    all_of_them = [place.puppet(name, f"contender {i}") for i in range(contenders)]
    for puppet in all_of_them:
        puppet.tell(f"contend {times}")
    answers = {puppet.answer(180) for puppet in all_of_them}
    equal(answers, {"ok "}, f"{contenders} contenders take the lock {times} times each")
    equal(place.sql(name, "SELECT n FROM counter"), str(contenders * times), "no two of them at the same time")
    equal(place.sql(name, "SELECT COUNT(DISTINCT fence) FROM fences"), str(contenders * times), "each time with another fence")
    equal(place.sql(name, "SELECT COUNT(*) FROM _migration_locks"), "0", "no row is left")
    contains(first.told("verify"), "ok intact", "and the audit log is intact")


def test_two(place):
    contend(place, 2, 15)


def test_ten(place):
    contend(place, 10, 4)


def test_killed(place):
    """kill -9: the next one gets it at once, whatever is left of the lease."""
    name, holder = prepared(place)
    equal(holder.told("take 0 600000"), "ok 1", "a holder with a lease of ten minutes")
    contains(holder.told("begin"), "ok", "in the middle of a transaction")
    contains(holder.told("sql CREATE TABLE half (id INTEGER)"), "ok", "that has made a table")
    holder.kill()
    next_one = place.puppet(name, "next")
    equal(next_one.told("take 20000 0"), "ok 2", "is killed; the next one gets it")
    contains(next_one.told("query SELECT action FROM _migration_audit_log ORDER BY audit_id DESC LIMIT 1"), "lock_taken_over",
             "and the audit log says that it was taken over")
    if place.engine == "neo4j":
        equal(place.sql(name, "SELECT COUNT(*) FROM _Table"), "0", "nothing of the transaction is left")
    elif place.engine != "mariadb":  # there CREATE TABLE has committed
        contains(next_one.told("query SELECT COUNT(*) FROM half"), "not_found", "nothing of the transaction is left")


def test_killed_in_statement(place):
    """The client is gone, its statement runs on in the server: within the lease the session is ended."""
    name, holder = prepared(place)
    sleep = {"postgres": "SELECT pg_sleep(300)", "mariadb": "SELECT SLEEP(300)",
             "neo4j": "UNWIND range(1, 100000000000) AS n WITH n WHERE n % 7 = 8 RETURN count(n)"}.get(place.engine)
    if not sleep:
        return tap.skip("killed in a statement", "a statement of SQLite dies with its process")
    holder.told("take 0 2000")
    holder.tell("query " + sleep)
    if place.engine == "neo4j":
        wait_until(lambda: place.server.cypher("SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND range' RETURN 1"))
    else:
        wait_until(lambda: place.sql(name, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
                                     if place.engine == "mariadb" else
                                     "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'") == "1")
    holder.kill()
    next_one = place.puppet(name, "next")
    equal(next_one.told("take 30000 0"), "ok 2", "a killed client whose statement runs on is taken over from within the lease")


def frozen(place, between):
    """A holder that is stopped for longer than its lease; `between` what it has done before."""
    name, holder = prepared(place)
    place.sql(name, "CREATE TABLE work (who VARCHAR(20))")
    equal(holder.told("take 0 4000"), "ok 1", "a holder with a short lease")
    for command in between:
        contains(holder.told(command), "ok", command)
    holder.stop()
    return name, holder


def test_frozen(place):
    """Stopped between two transactions: taken over when its lease is over; waking up it can do nothing."""
    name, holder = frozen(place, [])
    next_one = place.puppet(name, "next")
    contains(next_one.told("take 0 60000"), "locked the migration lock is held by first", "a frozen holder's lease counts")
    equal(next_one.told("take 40000 60000"), "ok 2", "until it is over")
    contains(next_one.told("query SELECT details FROM _migration_audit_log ORDER BY audit_id DESC LIMIT 1"), "frozen",
             "the audit log says why")
    third = place.puppet(name, "third")
    contains(third.told("take 200 0"), "locked", "nobody else gets it meanwhile")
    holder.go_on()
    answer = holder.told("begin")
    check(answer.startswith(("locked", "connect")), "the holder wakes up, and can begin nothing", answer)
    answer = holder.told("start 001")
    check(answer.startswith(("locked", "connect")), "nor record anything", answer)
    holder.told("give")
    contains(third.told("take 200 0"), "locked", "its giving up does not give away what is not its own")
    contains(next_one.told("begin"), "ok", "the new holder works")
    contains(next_one.told("sql INSERT INTO work (who) VALUES ('next')"), "ok", "on")
    contains(next_one.told("complete 002"), "ok", "and completes")
    next_one.told("give")
    equal(third.told("take 10000 0"), "ok 3", "then the third gets it")
    equal(place.sql(name, "SELECT COUNT(*) FROM _migration_history"), "1", "one migration was recorded")


def test_frozen_in_transaction(place):
    """Stopped with a transaction open, in which it has written: that transaction must never commit."""
    name, holder = frozen(place, ["begin", "sql INSERT INTO work (who) VALUES ('first')"])
    next_one = place.puppet(name, "next")
    if place.engine == "sqlite":
        answer = next_one.told("take 15000 60000")
        contains(answer, f"pid {holder.pid}", "on SQLite its open transaction cannot be ended: the process is named")
        contains(answer, "kill -9", "and what to do")
        holder.go_on()
        contains(holder.told("complete 001"), "ok", "it wakes up and commits: nobody has taken over")
        holder.told("give")
        equal(next_one.told("take 10000 0"), "ok 2", "then the next one gets it")
        return
    equal(next_one.told("take 30000 60000"), "ok 2", "it is taken over all the same")
    contains(next_one.told("begin"), "ok", "the new holder")
    contains(next_one.told("sql INSERT INTO work (who) VALUES ('next')"), "ok", "works")
    contains(next_one.told("complete 002"), "ok", "and commits")
    holder.go_on()
    answer = holder.told("complete 001")
    check(not answer.startswith("ok"), "the frozen one wakes up, and cannot commit", answer)
    equal(place.sql(name, "SELECT who FROM work"), "next", "what it had written is not there")
    equal(place.sql(name, "SELECT migration_id FROM _migration_history"), "002", "nor is its record")


def test_frozen_then_expired_row_deleted(place):
    """The runbook's remedy, typed by a person."""
    name, holder = frozen(place, [])
    now = "datetime('now')" if place.engine == "sqlite" else "NOW()"
    wait_until(lambda: place.sql(name, f"SELECT COUNT(*) FROM _migration_locks WHERE expires_at < {now}") == "1")
    place.sql(name, f"DELETE FROM _migration_locks WHERE expires_at < {now}")
    next_one = place.puppet(name, "next")
    contains(next_one.told("take 300 0"), "locked", "the expired row is deleted by hand; the frozen session still holds")
    holder.go_on()
    check(wait_until(lambda: holder.told("held") == "ok 0"), "when it wakes up, it notices")
    contains(holder.told("begin"), "locked", "and begins nothing")
    holder.told("give")
    equal(next_one.told("take 10000 0"), "ok 2", "then the next one gets it, with a higher fence")


if __name__ == "__main__":
    main([test_two, test_ten, test_killed, test_killed_in_statement, test_frozen, test_frozen_in_transaction,
          test_frozen_then_expired_row_deleted])
