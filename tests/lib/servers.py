# SPDX-License-Identifier: Apache-2.0
"""
Private database servers for tests: each in a temporary folder, reached over a Unix socket (and over TCP on a
port of its own with a password; Neo4j over TCP alone), stopped by whoever started it. Nothing else on the machine is
touched.

    with Postgres() as server:
        run_something(server.url())          # postgresql://…
        server.kill()                        # kill -9, as a crash does
        server.start()                       # recovers

`available()` says whether the programs are installed. When the tests run as root, the servers run as
an unprivileged user, since PostgreSQL refuses to run as root.
"""
import contextlib
import ctypes
import fcntl
import glob
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from urllib.parse import quote

import neo4j_jars
from bolt_client import BoltClient, BoltError
from certificates import Certificates

START_SECONDS = 60
STOP_SECONDS = 30
PR_SET_PDEATHSIG = 1


def descendants(pid):
    """The processes below a process."""
    below = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(stat, encoding="utf-8", errors="replace") as file:
            number, rest = int(stat.split("/")[2]), file.read().rsplit(")", 1)[1].split()
            if rest[0] != "Z":
                below.setdefault(int(rest[1]), []).append(number)
    found = list(below.get(pid, ()))
    for child in found:
        found += below.get(child, ())
    return found


def alive(pid):
    """Whether it is there, and not only a name for its exit status."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class ServerError(Exception):
    pass


@contextlib.contextmanager
def alone(engine):
    """
    For a test on the server that TEST_URL_… names, when that has one database for all tests: one at a time, as
    tests/lib/alone.h has it for tests in C.
    """
    folder = os.environ.get("TEST_LOCKS")
    if not folder:
        yield
        return
    with open(os.path.join(folder, engine), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find_program(name, *more_folders):
    """The path of a program, looked for in PATH and then in `more_folders` (globs; the last match wins)."""
    found = shutil.which(name)
    for pattern in more_folders:
        for folder in sorted(glob.glob(pattern)):
            candidate = os.path.join(folder, name)
            if os.access(candidate, os.X_OK):
                found = candidate
    return found


class Port:
    """A free TCP port, kept from other runners of these tests by a locked file."""

    def __init__(self):
        for _ in range(100):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.number = s.getsockname()[1]
            path = os.path.join(tempfile.gettempdir(), f"dataflow-test-port-{self.number}.lock")
            try:
                self.file = open(path, "w")
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.path = path
                return
            except OSError:
                continue
        raise ServerError("no free port")

    def release(self):
        if self.file:
            os.unlink(self.path)
            self.file.close()
            self.file = None


class Server:
    """What the servers have in common. Subclasses say how to make a data folder and what to run."""

    engine = ""
    start_seconds = START_SECONDS
    dies_well = False  # whether a server that is not needed any more may be killed

    def __init__(self, folder=None, settings=None):
        """`folder`: an existing one to put everything into (default: a temporary one, removed by stop);
        `settings`: more settings of the server, as a dict."""
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="df-")
        self.settings = dict(settings or {})
        self.process = None
        self.port = Port()
        self.password = secrets.token_hex(8)
        self.user = self._account()
        self.ready = False
        self.log_path = os.path.join(self.folder, "server.log")

    @classmethod
    def why_not(cls):
        """Why it cannot run here, None when it can."""
        return None if cls.available() else "not installed"

    # -- running programs

    def _account(self):
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "mysql", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise ServerError("no unprivileged user to run a server as")

    def _as_user(self):
        if not self.user:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _own(self):
        os.chmod(self.folder, 0o755)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)

    def _run(self, *command):
        with open(self.log_path, "ab") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                  env=self._environment(), **self._as_user())
        if done.returncode:
            raise ServerError(f"{command[0]} failed:\n{self.log()}")

    def _environment(self):
        # A starting mariadbd empties the folder for temporary tables; in a shared one it would be other servers'.
        return {"PATH": os.environ.get("PATH", ""), "HOME": self.folder, "TMPDIR": self.folder, "LC_ALL": "C", "TZ": "UTC"}

    def log(self, last=40):
        """The last lines of what the server said."""
        try:
            with open(self.log_path, errors="replace") as f:
                return "".join(f.readlines()[-last:])
        except OSError:
            return ""

    # -- life

    def start(self):
        """Starts the server (makes its data folder the first time) and waits until it answers."""
        try:
            if not self.ready:
                self._own()
                self._install()
            self._spawn()
            if not self.ready:
                self._first_start()
                self.ready = True
        except BaseException:
            self.stop()
            raise
        return self

    def _spawn(self):
        died_with_us = self.stop_signal

        def in_child():  # a killed test runner takes its servers along
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, died_with_us)

        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env=self._environment(), start_new_session=True,
                                            preexec_fn=in_child, **self._as_user())
        end = time.monotonic() + self.start_seconds
        while not self._answers():
            if self.process.poll() is not None:
                raise ServerError(f"{self.engine} ended while starting:\n{self.log()}")
            if time.monotonic() > end:
                raise ServerError(f"{self.engine} did not answer in {self.start_seconds} s:\n{self.log()}")
            time.sleep(0.05)

    def halt(self):
        """Stops the process in good order; the data stays, start() brings it back."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self):
        """kill -9 of the server and its children, as if the machine had lost power (but for its page cache)."""
        if self.process and self.process.poll() is None:
            children = descendants(self.process.pid)  # PostgreSQL's are in groups of their own
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            while any(map(alive, children)):
                time.sleep(0.01)
        self.process = None
        self._after_kill()

    def restart(self):
        self.halt()
        self.start()

    def stop(self):
        """Stops the server for good and removes its folder."""
        if self.own_folder and self.dies_well:
            self.kill()
        else:
            self.halt()
        self.port.release()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _after_kill(self):
        pass


class Postgres(Server):
    engine = "postgres"
    stop_signal = signal.SIGINT  # "fast": sessions are ended
    folders = ("/usr/lib/postgresql/*/bin",)

    @classmethod
    def available(cls):
        return all(find_program(p, *cls.folders) for p in ("postgres", "initdb", "psql"))

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def url(self, database="dataflow", **params):
        """Over the Unix socket, without a password."""
        query = "".join(f"&{k}={quote(str(v), safe='')}" for k, v in params.items())
        return f"postgresql://dataflow@/{database}?host={quote(self.folder, safe='')}&port={self.port.number}{query}"

    def tcp_url(self, database="dataflow", password=None):
        return f"postgresql://dataflow:{password or self.password}@127.0.0.1:{self.port.number}/{database}"

    def sql(self, text, database="dataflow"):
        """Runs SQL with psql and returns its unadorned output."""
        done = subprocess.run([find_program("psql", *self.folders), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
                               self.url(database), "-c", text], capture_output=True, text=True)
        if done.returncode:
            raise ServerError(done.stderr.strip())
        return done.stdout.strip()

    def _install(self):
        password_file = os.path.join(self.folder, "password")
        with open(password_file, "w") as f:
            f.write(self.password + "\n")
        if self.user:
            os.chown(password_file, self.user.pw_uid, self.user.pw_gid)
        self._run(find_program("initdb", *self.folders), "-D", self.data, "-U", "dataflow", "-E", "UTF8", "--no-sync",
                  "--no-instructions", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256",
                  "--pwfile", password_file)

    def _command(self):
        settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB",
                    "max_wal_size": "4GB", "listen_addresses": "127.0.0.1", "port": self.port.number,
                    "unix_socket_directories": self.folder, "max_connections": "100"} | self.settings
        command = [find_program("postgres", *self.folders), "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def _answers(self):
        try:
            return self.sql("SELECT 1", "postgres") == "1"
        except ServerError:
            return False

    def _first_start(self):
        self.sql("CREATE DATABASE dataflow", "postgres")

    def _after_kill(self):
        # A pid file that was left is only believed when its process lives; the kernel may have reused the number.
        for name in ("postmaster.pid",):
            try:
                os.unlink(os.path.join(self.data, name))
            except OSError:
                pass


class MariaDB(Server):
    engine = "mariadb"
    stop_signal = signal.SIGTERM
    folders = ("/usr/sbin", "/usr/libexec")

    @classmethod
    def available(cls):
        return all(find_program(p, *cls.folders) for p in ("mariadbd", "mariadb-install-db", "mariadb"))

    @property
    def socket(self):
        return os.path.join(self.folder, "socket")

    def url(self, database="dataflow", **params):
        """Over the Unix socket."""
        query = "".join(f"&{k}={quote(str(v), safe='')}" for k, v in params.items())
        return f"mariadb://dataflow:{self.password}@localhost/{database}?socket={quote(self.socket, safe='')}{query}"

    def tcp_url(self, database="dataflow", password=None):
        return f"mariadb://dataflow:{password or self.password}@127.0.0.1:{self.port.number}/{database}"

    def sql(self, text, database="", user="dataflow"):
        """Runs SQL with the mariadb client and returns its unadorned output."""
        password = {"MYSQL_PWD": self.password} if user == "dataflow" else {}
        done = subprocess.run([find_program("mariadb"), "--no-defaults", "-u", user, "-S", self.socket, "-N", "-B",
                               "--raw", "-e", text, *([database] if database else [])], capture_output=True, text=True,
                              env=os.environ | password)
        if done.returncode:
            raise ServerError(done.stderr.strip())
        return done.stdout.strip()

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def _install(self):
        self._run(find_program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
                  "--auth-root-authentication-method=normal", "--skip-name-resolve",
                  *([f"--user={self.user.pw_name}"] if self.user else []))

    def _command(self):
        settings = {"socket": self.socket, "pid-file": os.path.join(self.folder, "pid"), "bind-address": "127.0.0.1",
                    "port": self.port.number, "local-infile": "1", "innodb-flush-log-at-trx-commit": "0",
                    "innodb-flush-method": "fsync", "innodb-buffer-pool-size": "256M", "innodb-log-file-size": "256M",
                    "innodb-doublewrite": "0", "skip-name-resolve": "1"} | self.settings
        return [find_program("mariadbd", *self.folders), "--no-defaults", f"--datadir={self.data}",
                *(f"--{name}={value}" for name, value in settings.items())]

    def _answers(self):
        try:
            return self.sql("SELECT 1", user="dataflow" if self.ready else "root") == "1"
        except ServerError:
            return False

    def _first_start(self):
        self.sql(f"CREATE USER dataflow@'%' IDENTIFIED BY '{self.password}'; CREATE USER dataflow@localhost "
                 f"IDENTIFIED BY '{self.password}'; GRANT ALL ON *.* TO dataflow@'%' WITH GRANT OPTION; "
                 "GRANT ALL ON *.* TO dataflow@localhost WITH GRANT OPTION; "
                 "CREATE DATABASE dataflow CHARACTER SET utf8mb4", user="root")


class Neo4j(Server):
    """
    Neo4j Community from its packages' jars (tests/lib/neo4j_jars.py), on the Java that the machine has for it. User neo4j.

        Neo4j("newest"), Neo4j("4.4")        another version than the LTS, which NEO4J_VERSION changes for a whole run
        Neo4j(tls="REQUIRED")                or "OPTIONAL": encrypted, by certificates of its own (server.certificates)
        Neo4j(apoc=True)                     with APOC's procedures
        Neo4j(java_options=["-Xmx2g"])       instead of what suits tests: little memory, a quick start
    """
    engine = "neo4j"
    version = os.environ.get("NEO4J_VERSION", "5.26")
    stop_signal = signal.SIGTERM
    start_seconds = 180  # two processors may have other work
    dies_well = True  # good order takes five seconds
    quick = ("-Xmx400m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    # Settings of 4.4 by what 5.x has called them since; the beginnings.
    names_of_4 = (("server.directories.", "dbms.directories."), ("server.bolt.", "dbms.connector.bolt."),
                  ("server.http.", "dbms.connector.http."), ("server.https.", "dbms.connector.https."),
                  ("server.memory.", "dbms.memory."), ("db.tx_log.", "dbms.tx_log."), ("db.transaction.", "dbms.transaction."),
                  ("db.lock.", "dbms.lock."), ("db.logs.", "dbms.logs."),
                  ("dbms.memory.transaction.total.max", "dbms.memory.transaction.global_max_size"),
                  ("db.memory.transaction.total.max", "dbms.memory.transaction.database_max_size"),
                  ("db.memory.transaction.max", "dbms.memory.transaction.max_size"))
    opened = ("java.lang", "java.util", "java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")

    def __init__(self, version=None, tls=None, apoc=False, java_options=None, **rest):
        self.version = version or self.version
        self.tls, self.apoc = tls, apoc
        self.java_options = list(self.quick if java_options is None else java_options)
        super().__init__(**rest)
        self.certificates = Certificates(os.path.join(self.folder, "certificates")) if tls else None

    @classmethod
    def available(cls, version=None):
        return cls.why_not(version) is None

    @classmethod
    def why_not(cls, version=None):
        """Why it cannot run here, None when it can."""
        return neo4j_jars.why_not(version or cls.version)

    def _account(self):
        return None  # it runs as whoever runs the tests, who can read the jars

    def url(self, database="", scheme=None, **params):
        """Over TCP, with the password; with TLS the authority's certificate is named."""
        scheme = scheme or ("bolt+s" if self.tls == "REQUIRED" else "bolt")
        if scheme.endswith("+s") and self.tls:
            params = {"ssl-ca": self.certificates.ca} | params
        query = "&".join(f"{k}={quote(str(v), safe='')}" for k, v in params.items())
        return (f"{scheme}://neo4j:{self.password}@127.0.0.1:{self.port.number}{'/' + database if database or query else ''}"
                f"{'?' + query if query else ''}")

    def tcp_url(self, database="", password=None):
        return self.url(database).replace(self.password, password or self.password)

    @contextlib.contextmanager
    def client(self):
        """A connection that knows nothing of the driver under test."""
        ca = self.certificates.ca if self.tls == "REQUIRED" else None
        with BoltClient("127.0.0.1", self.port.number, "neo4j", self.password, ca=ca) as client:
            yield client

    def cypher(self, query, database=None, **parameters):
        """Runs one statement and returns its rows, as lists of values."""
        try:
            with self.client() as client:
                return client.run(query, database, **parameters)
        except (BoltError, OSError) as problem:
            raise ServerError(str(problem)) from problem

    def _environment(self):
        conf = os.path.join(self.folder, "conf")
        return super()._environment() | {"NEO4J_HOME": self.folder, "NEO4J_CONF": conf, "LC_ALL": "C.UTF-8"}

    def _java(self):
        options = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in self.opened]
        if self.version == "newest":
            options += ["--enable-native-access=ALL-UNNAMED", "--add-modules=jdk.incubator.vector"]
        if os.path.exists(self._classes()):
            options.append(f"-XX:SharedArchiveFile={self._classes()}")
        return [neo4j_jars.find_java(self.version), *options, f"-Djava.io.tmpdir={self.folder}", *self.java_options,
                "-cp", os.path.join(neo4j_jars.library(self.version), "*") + ":" + os.path.join(self.folder, "plugins", "*")]

    def _classes(self):
        return os.path.join(os.path.dirname(neo4j_jars.library(self.version)), "classes.jsa")

    @classmethod
    def share_classes(cls):
        """
        Has Java keep what it makes of the LTS's classes, by a server that is started for that once: every later start takes 8 s
        instead of 13.
        """
        server = cls("5.26")
        if os.path.exists(server._classes()) or cls.why_not("5.26"):
            server.stop()
            return
        unfinished = os.path.join(server.folder, "classes.jsa")
        server.java_options.append(f"-XX:ArchiveClassesAtExit={unfinished}")
        with server:
            server.cypher("CREATE CONSTRAINT IF NOT EXISTS FOR (n:Warm) REQUIRE n.id IS UNIQUE")
            server.cypher("UNWIND range(1, 3) AS id MERGE (n:Warm {id: id}) RETURN count(n)")
            server.halt()
            if os.path.exists(unfinished):
                shutil.copy(unfinished, server._classes() + ".new")
                os.replace(server._classes() + ".new", server._classes())

    def admin(self, *arguments):
        """neo4j-admin, as admin("database", "dump", "neo4j", "--to-path=…"), or as 4.4 has it admin("dump", …); the server must
        stand still for most of it."""
        self._run(*self._java(), "org.neo4j.cli.AdminTool", *arguments)

    def _install(self):
        for name in ("conf", "data", "logs", "run", "plugins", "import"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        if self.apoc:
            for jar in glob.glob(os.path.join(neo4j_jars.apoc(self.version), "*.jar")):
                shutil.copy(jar, os.path.join(self.folder, "plugins"))
        self._configure()
        self.admin(*([] if self.version == "4.4" else ["dbms"]), "set-initial-password", self.password)

    def _configure(self):
        here = f"127.0.0.1:{self.port.number}"
        settings = {f"server.directories.{name}": os.path.join(self.folder, name)
                    for name in ("data", "logs", "run", "plugins", "import")}
        settings |= {"server.bolt.listen_address": here, "server.bolt.advertised_address": here,
                     "server.http.enabled": "false", "server.https.enabled": "false", "dbms.usage_report.enabled": "false",
                     "server.memory.pagecache.size": "64m", "db.tx_log.preallocate": "false"}
        if self.apoc:
            settings["dbms.security.procedures.unrestricted"] = "apoc.*"
        if self.tls:
            pair = self.certificates.server
            settings |= {"server.bolt.tls_level": self.tls, "dbms.ssl.policy.bolt.enabled": "true",
                         "dbms.ssl.policy.bolt.base_directory": self.certificates.folder,
                         "dbms.ssl.policy.bolt.private_key": pair.key,
                         "dbms.ssl.policy.bolt.public_certificate": pair.certificate,
                         "dbms.ssl.policy.bolt.client_auth": "NONE"}
        with open(os.path.join(self.folder, "conf", "neo4j.conf"), "w", encoding="utf-8") as file:
            file.writelines(f"{self._setting(name)}={value}\n" for name, value in (settings | self.settings).items())

    def _setting(self, name):
        """What this version calls a setting of 5.x."""
        if self.version == "4.4":
            for of_5, of_4 in self.names_of_4:
                if name.startswith(of_5):
                    return of_4 + name[len(of_5):]
        return name

    def _command(self):
        self._configure()  # settings that were changed since
        return [*self._java(), neo4j_jars.VERSIONS[self.version]["main"], f"--home-dir={self.folder}",
                f"--config-dir={os.path.join(self.folder, 'conf')}", "--console-mode"]

    def _answers(self):
        """Bolt is open before the database is: a query must have an answer."""
        try:
            return self.cypher("RETURN 1") == [[1]]
        except ServerError:
            return False

    def _first_start(self):
        pass


class Neo4jNewest(Neo4j):
    engine = "neo4j_newest"
    version = "newest"


class Neo4j44(Neo4j):
    engine = "neo4j_44"
    version = "4.4"


class SmallDisk:
    """
    A file system of a few megabytes, to be filled up: `with SmallDisk(20) as folder`. Needs the right to mount;
    SmallDisk.available() tries it.
    """

    def __init__(self, megabytes):
        self.megabytes = megabytes
        self.folder = None

    @staticmethod
    def available():
        if os.geteuid() != 0:
            return False
        try:
            with SmallDisk(1):
                return True
        except ServerError:
            return False

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="df-small-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m,mode=1777", "tmpfs", self.folder],
                              capture_output=True, text=True)
        if done.returncode:
            os.rmdir(self.folder)
            raise ServerError(done.stderr.strip())
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], capture_output=True)
        os.rmdir(self.folder)


SERVERS = {"postgres": Postgres, "mariadb": MariaDB, "neo4j": Neo4j, "neo4j_newest": Neo4jNewest, "neo4j_44": Neo4j44}
