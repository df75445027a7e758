#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bolt through TLS, against scripted servers with certificates of the test's own. tls.py BOLT_PROBE"""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from transcripts import END, QUERY, RAN, greet, read_message, run, tap
from wire import record


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates(folder):
    """An authority `ca`, and what it has signed: `good` for localhost and 127.0.0.1, `other` for another host, `old`."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
            "/CN=test authority", cwd=folder)
    for name, names, days in (("good", "DNS:localhost,IP:127.0.0.1", "2"), ("other", "DNS:elsewhere.example", "2"),
                              ("old", "DNS:localhost,IP:127.0.0.1", "-1")):
        with open(os.path.join(folder, name + ".ext"), "w", encoding="utf-8") as f:
            f.write(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name,
                cwd=folder)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                name + ".pem", "-days", days, "-extfile", name + ".ext", cwd=folder)


def tls_server(folder, name, script, seen=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))
    if version:
        context.minimum_version = context.maximum_version = version
    if seen is not None:
        context.sni_callback = lambda s, host, c: seen.append(host)

    def serve(s):
        try:
            wrapped = context.wrap_socket(s, server_side=True)
        except ssl.SSLError as trouble:
            raise ConnectionError(str(trouble)) from trouble
        script(wrapped)
        wrapped.close()
    return serve


def talk(*rows):
    def script(s):
        greet(s)
        read_message(s), read_message(s)
        s.sendall(RAN + b"".join(rows) + END)
        s.settimeout(5)
        s.recv(100)
    return script


def trust(folder):
    ca = "ca=" + os.path.join(folder, "ca.pem")
    good = lambda **more: tls_server(folder, "good", talk(record(1)), **more)
    for what, options in (("a certificate of the named authority", ["tls=verified", ca]), ("any certificate", ["tls=any"])):
        done, _ = run(good(), options, QUERY)
        tap.check("record 1\n" in done.stdout and done.returncode == 0, what, done.stdout)
    for what, name, options, texts in (
            ("an authority that the system does not know", "good", ["tls=verified"], ["not trusted", "?ssl-ca=FILE", "+ssc"]),
            ("a certificate for another host", "other", ["tls=verified", ca], ["not trusted", "mismatch", "host name"]),
            ("a certificate that has expired", "old", ["tls=verified", ca], ["not trusted", "expired", "+ssc"]),
            ("an authority that is no file", "good", ["tls=verified", "ca=/no/such/file"], ["/no/such/file", "cannot be read"])):
        done, _ = run(tls_server(folder, name, talk(record(1))), options, QUERY)
        tap.check("error connect" in done.stdout and all(t in done.stdout for t in texts), what, done.stdout)
    for name in ("other", "old"):
        done, _ = run(tls_server(folder, name, talk(record(1))), ["tls=any"], QUERY)
        tap.check("record 1\n" in done.stdout, f"+ssc takes the certificate '{name}'", done.stdout)
    done, _ = run(good(version=ssl.TLSVersion.TLSv1_2), ["tls=verified", ca], QUERY)
    tap.check("record 1\n" in done.stdout, "TLS 1.2", done.stdout)


def names(folder):
    from transcripts import Server
    for host, sent in (("localhost", "localhost"), ("127.0.0.1", None)):
        seen = []
        server = Server(tls_server(folder, "good", talk(record(1)), seen=seen))
        done = subprocess.run([sys.argv[1], host, str(server.port), "tls=verified", "ca=" + os.path.join(folder, "ca.pem"), "--",
                               *QUERY], stdout=subprocess.PIPE, text=True)
        tap.check("record 1\n" in done.stdout and seen == [sent], f"{host} is checked, and sent as {sent}", done.stdout, seen)


def mixed_up(folder):
    done, _ = run(lambda s: greet(s), ["tls=any"], [])
    tap.check("error connect" in done.stdout and "does not speak TLS" in done.stdout and "without +s" in done.stdout,
              "TLS to a server that waits for Bolt", done.stdout)

    def http(s):
        s.recv(1000)
        s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    done, _ = run(http, ["tls=any"], [])
    tap.check("error connect" in done.stdout and "does not speak TLS" in done.stdout, "TLS to an HTTP server", done.stdout)

    def plain(s):
        s.recv(1000)
    done, _ = run(plain, ["tls=verified"], [])
    tap.check("does not speak TLS: " in done.stdout, "TLS to a server that hangs up", done.stdout)
    done, _ = run(lambda s: (s.recv(1000), s.settimeout(3), s.recv(10)), ["tls=any", "connect_ms=300"], [])
    tap.check("in time" in done.stdout and "without +s" in done.stdout, "TLS to a server that says nothing", done.stdout)
    done, _ = run(tls_server(folder, "good", talk()), [], [])
    tap.check("error connect" in done.stdout and "+s" in done.stdout, "Bolt to a server that wants TLS", done.stdout)


def amounts(folder):
    big = "x" * 20_000_000

    def script(s):
        greet(s)
        sizes.append(len(read_message(s).fields[1]["p"]))
        read_message(s)
        s.sendall(RAN + record(big) + b"".join(record(i) for i in range(100000)) + END)
        s.settimeout(5)
        s.recv(100)
    sizes = []
    done, _ = run(tls_server(folder, "good", script), ["tls=any"],
                  ["params", str(len(big)), "run", "RETURN $p", "pull", "-1", "count"])
    tap.check("records 100001" in done.stdout and sizes == [len(big)], "20 MB there, 20 MB and 100,000 records back",
              done.stdout, sizes)

    def hang_up(s):
        greet(s)
        read_message(s), read_message(s)
        s.sendall(RAN + record(1)[:-1])
        s.shutdown(socket.SHUT_RDWR)
    done, _ = run(tls_server(folder, "good", hang_up), ["tls=any"], QUERY)
    tap.check("error connect" in done.stdout and "closed the connection" in done.stdout, "a server that hangs up", done.stdout)


def main():
    if not shutil.which("openssl"):
        print("1..0 # SKIP no openssl to make certificates with")
        return
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder)
        trust(folder)
        names(folder)
        mixed_up(folder)
        amounts(folder)
    tap.done()


main()
