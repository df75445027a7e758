#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""connecting.py PROBE: passwords, option files, service files, TLS and schemas, as URLs and the environment give them."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from servers import MariaDB, Postgres, ServerError  # noqa: E402

PROBE = sys.argv[1]
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            print(f"# {detail}")


def skip(reason):
    global points
    points += 1
    print(f"ok {points} # SKIP {reason}", flush=True)


def expect(code, what, url, part="", **environment):
    """Loads five rows by the URL; the outcome must have this code, and `part` in its message."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "MYSQL_", "MARIADB_"))}
    done = subprocess.run([PROBE, url, "5", "0"], capture_output=True, text=True, timeout=60, env=clean | environment)
    told = json.loads(done.stdout.splitlines()[-1])
    check(told["code"] == code and part in told["message"], f"{what}: {code}", told, done.stderr)
    return told


def write(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


# ---- the client libraries

def test_libraries(folder):
    """An engine whose client library cannot be loaded says so, and the others go on working."""
    hint = {"libpq.so.5": "apt-get install --reinstall libpq5", "libmariadb.so.3": "apt-get install --reinstall libmariadb3"}
    urls = {"libpq.so.5": "postgresql://u@127.0.0.1:1/d", "libmariadb.so.3": "mariadb://u@127.0.0.1:1/d"}
    for library, url in urls.items():
        write(os.path.join(folder, library), "")
        told = expect("connect", f"a damaged {library}", url,
                      f"Database connection failed: the library {library} cannot be loaded: ", LD_LIBRARY_PATH=folder)
        check(told["hint"] == hint[library], "and the hint names the package", told)
    expect("not_found", "SQLite needs neither", "sqlite:" + os.path.join(folder, "new.db"), LD_LIBRARY_PATH=folder)


# ---- PostgreSQL

def test_postgres(folder):
    with Postgres() as server:
        create = "CREATE TABLE probe (id BIGINT, t TEXT)"
        server.sql(create, "dataflow")
        port, password = server.port.number, server.password
        plain = f"postgresql://dataflow@127.0.0.1:{port}/dataflow"
        expect("ok", "a password in the URL", server.tcp_url())
        expect("ok", "a password as a parameter", f"{plain}?password={password}")
        expect("connect", "no password", plain, "no password supplied")
        expect("ok", "PGPASSWORD", plain, PGPASSWORD=password)
        pass_file = write(os.path.join(folder, "pgpass"), f"127.0.0.1:{port}:*:dataflow:{password}\n")
        expect("ok", "a password file", plain, PGPASSFILE=pass_file)
        service = write(os.path.join(folder, "service.conf"), f"[test]\nhost=127.0.0.1\nport={port}\ndbname=dataflow\n"
                        f"user=dataflow\npassword={password}\nconnect_timeout=3\n")
        expect("ok", "a service file", "postgresql://?service=test", PGSERVICEFILE=service)
        expect("ok", "several hosts, the first of them down",
               f"postgres://dataflow:{password}@127.0.0.1:1,127.0.0.1:{port}/dataflow")
        expect("ok", "a socket as an encoded host", f"postgresql://dataflow@{quote(server.folder, safe='')}:{port}/dataflow")
        expect("connect", "sslmode=require without TLS", server.tcp_url() + "?sslmode=require", "SSL")
        test_schema(server, create)


def test_schema(server, create):
    hostile = 'a"; DROP TABLE public.probe; --'
    quoted = '"' + hostile.replace('"', '""') + '"'
    url = server.url(schema=hostile)
    rows = int(server.sql("SELECT COUNT(*) FROM public.probe", "dataflow"))
    expect("not_found", "a schema that does not exist hides the tables of public", url)
    server.sql(f"CREATE SCHEMA {quoted}", "dataflow")
    expect("not_found", "an empty schema does, too", url)
    server.sql(f"SET search_path TO {quoted}; {create}", "dataflow")
    expect("ok", "a table in the schema", url)
    check(server.sql(f"SELECT COUNT(*) FROM {quoted}.probe", "dataflow") == "5", "that is where the rows are")
    check(server.sql("SELECT COUNT(*) FROM public.probe", "dataflow") == str(rows), "and the other table is unharmed")


# ---- MariaDB

def make_certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    write(os.path.join(folder, "names"), "subjectAltName=DNS:localhost")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=test authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days",
            "2", "-out", "cert.pem", "-extfile", "names")
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)


def start_mariadb(settings):
    server = MariaDB(settings=settings).start()
    server.sql("CREATE TABLE probe (id BIGINT, t TEXT)", "dataflow")
    server.sql("CREATE USER tls@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO tls@'%'")
    return server


def test_tls(server, folder, offered):
    url, needs = server.tcp_url(), f"mariadb://tls:x@127.0.0.1:{server.port.number}/dataflow"
    here = "with" if offered else "without"
    ca = f"&ssl-ca={quote(os.path.join(folder, 'ca.pem'), safe='')}"
    expect("ok", f"{here} TLS, preferred", url)
    expect("ok", f"{here} TLS, disabled", url + "?ssl-mode=disabled")
    expect("ok" if offered else "connect", f"{here} TLS, required", url + "?ssl-mode=required")
    expect("ok" if offered else "connect", f"{here} TLS, preferred, the account needs it", needs)
    expect("connect", f"{here} TLS, disabled, the account needs it", needs + "?ssl-mode=disabled")
    expect("connect", f"{here} TLS, verified against nothing", url + "?ssl-mode=verify-identity")
    expect("ok" if offered else "connect", f"{here} TLS, the certificate names this host",
           server.url() + "&ssl-mode=verify-identity" + ca)
    expect("connect", f"{here} TLS, the certificate names another host", url + "?ssl-mode=verify-identity" + ca)


def test_mariadb_files(server, folder):
    url = f"mariadb://dataflow@127.0.0.1:{server.port.number}/dataflow"
    expect("connect", "no password", url, "Access denied")
    expect("ok", "MYSQL_PWD", url, MYSQL_PWD=server.password)
    expect("ok", "user and password as parameters",
           f"mysql://127.0.0.1:{server.port.number}/dataflow?user=dataflow&password={server.password}")
    options = write(os.path.join(folder, "my.cnf"), f"[client]\nuser=dataflow\npassword={server.password}\nhost=127.0.0.1\n"
                    f"port={server.port.number}\n[special]\ndatabase=dataflow\n[forbids]\nlocal-infile=0\n")
    file = "default-file=" + quote(options, safe="")
    expect("ok", "an option file", f"mariadb:///dataflow?{file}")
    expect("ok", "a group of an option file", f"mariadb:///?{file}&default-group=special")
    expect("ok", "LOAD DATA forbidden by an option file", f"mariadb:///dataflow?{file}&default-group=forbids")


def test_mariadb(folder):
    make_certificates(folder)
    files = {f"ssl-{kind}": os.path.join(folder, f"{kind}.pem") for kind in ("ca", "cert", "key")}
    for offered in (True, False):
        server = start_mariadb(files if offered else {})
        try:
            test_tls(server, folder, offered)
            if offered:
                test_mariadb_files(server, folder)
        finally:
            server.stop()


def main():
    with tempfile.TemporaryDirectory(prefix="df-") as folder:
        test_libraries(folder)
    for server, test, programs in ((Postgres, test_postgres, []), (MariaDB, test_mariadb, ["openssl"])):
        if not server.available() or not all(map(shutil.which, programs)):
            skip(f"{server.engine}{' or openssl' * bool(programs)} is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="df-") as folder:
            os.chmod(folder, 0o755)
            try:
                test(folder)
            except (ServerError, subprocess.SubprocessError, IndexError) as problem:
                check(False, f"{server.engine}: the test could not go on", *str(problem).splitlines())
    print(f"1..{points}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
