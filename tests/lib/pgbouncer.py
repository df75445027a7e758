# SPDX-License-Identifier: Apache-2.0
"""
A private PgBouncer before a private PostgreSQL:

    with Postgres() as server, Pgbouncer(server, "transaction") as pooler:
        run_something(pooler.url())
"""
import os
import subprocess
from urllib.parse import quote

from servers import Server, find_program


class Pgbouncer(Server):
    engine = "pgbouncer"
    stop_signal = 2  # SIGINT: sessions may end what they do
    folders = ("/usr/sbin",)

    def __init__(self, server, mode, **settings):
        """`mode`: session, transaction or statement; `settings`: more lines of pgbouncer.ini."""
        super().__init__(settings=settings)
        self.server = server
        self.mode = mode

    @classmethod
    def available(cls):
        return find_program("pgbouncer", *cls.folders) is not None

    def url(self, database="dataflow", **params):
        query = "".join(f"&{k}={quote(str(v), safe='')}" for k, v in params.items())
        return f"postgresql://dataflow@/{database}?host={quote(self.folder, safe='')}&port={self.port.number}{query}"

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def _install(self):
        users = self._write("users.txt", f'"dataflow" "{self.server.password}"\n')
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port.number, "unix_socket_dir": self.folder,
                    "auth_type": "trust", "auth_file": users, "pool_mode": self.mode, "default_pool_size": 5,
                    "server_login_retry": 1} | self.settings
        self._write("pgbouncer.ini", f"[databases]\n* = host={self.server.folder} port={self.server.port.number}\n"
                    "[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))

    def _command(self):
        return [find_program("pgbouncer", *self.folders), os.path.join(self.folder, "pgbouncer.ini")]

    def _answers(self):
        done = subprocess.run([find_program("psql", "/usr/lib/postgresql/*/bin"), "-XAtq", "-d", self.url(), "-c", "SELECT 1"],
                              capture_output=True, text=True)
        return done.returncode == 0 and done.stdout.strip() == "1"

    def _first_start(self):
        pass
