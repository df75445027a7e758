#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the recordings of recorded/ anew: record.py BOLT_PROBE HOST PORT USER PASSWORD. A proxy between the probe and a
real server writes down who said what, for each version that the server offers and both handshakes."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

from transcripts import WORDS, probe_arguments

VERSIONS = ["4.4", "5.0", "5.1", "5.2", "5.3", "5.4", "5.6", "5.7", "5.8", "6.0", "6.1"]


def proxy(target, said):
    """The port of a proxy for one connection; `said` grows while it lasts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, to, who):
        while data := source.recv(65536):
            if said and said[-1][0] == who:
                said[-1][1] += data.hex()
            else:
                said.append([who, data.hex()])
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)

    def serve():
        with listener.accept()[0] as client, socket.create_connection(target) as server:
            other = threading.Thread(target=pump, args=(server, client, "server"))
            other.start()
            pump(client, server, "client")
            other.join()
    thread = threading.Thread(target=serve)
    thread.start()
    return listener.getsockname()[1], thread


def main():
    probe, host, port, user, password = sys.argv[1:]
    folder = pathlib.Path(__file__).parent / "recorded"
    folder.mkdir(exist_ok=True)
    for version in VERSIONS:
        for handshake in ("manifest", "legacy"):
            said = []
            at, thread = proxy((host, int(port)), said)
            options = probe_arguments(version, handshake) + [f"user={user}", f"password={password}"]
            done = subprocess.run([probe, "127.0.0.1", str(at), *options, "--", *WORDS], stdout=subprocess.PIPE, text=True,
                                  env=os.environ | {"TZDIR": "/no/zones"})
            thread.join()
            if "does not speak Bolt" in done.stdout:
                print(version, "is not offered")
                continue
            name = folder / f"{version}-{handshake}.json"
            name.write_text(json.dumps({"options": options, "said": said, "shown": done.stdout.splitlines()},
                                       indent=1, ensure_ascii=False) + "\n")
            print(name)


main()
