# SPDX-License-Identifier: Apache-2.0
"""
Certificates for tests of TLS, made by the openssl program: a certificate authority, a server's certificate from it, and
those that must be refused.

    certificates = Certificates(folder)
    certificates.ca                          the authority, a file in PEM form, for a client
    certificates.server                      Pair(certificate, key): for 127.0.0.1, ::1 and localhost
    certificates.expired                     from the same authority, but its time is over
    certificates.other_name                  from the same authority, for elsewhere.example
    certificates.other_ca, .self_signed      an authority that signed nothing here; a certificate that signed itself
"""
import collections
import functools
import os
import shutil
import subprocess

Pair = collections.namedtuple("Pair", "certificate key")
LOCAL = "IP:127.0.0.1,IP:::1,DNS:localhost"


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    @staticmethod
    def available():
        return shutil.which("openssl") is not None

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")

    def _self_signed(self, name, subject, *extensions):
        """A key and a certificate that signs itself; keys are PKCS#8, as Neo4j wants them."""
        pair = Pair(self._path(name + ".pem"), self._path(name + ".key"))
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                      "-subj", "/CN=" + subject, "-keyout", pair.key, "-out", pair.certificate,
                      *(part for extension in extensions for part in ("-addext", extension)))
        return pair

    def _authority(self, name):
        return self._self_signed(name, name, "keyUsage=critical,keyCertSign,cRLSign")

    def _signed(self, name, alternatives, authority, *validity):
        """A key, and a certificate that the authority signed."""
        pair, request, extensions = Pair(self._path(name + ".pem"), self._path(name + ".key")), name + ".csr", name + ".ext"
        with open(self._path(extensions), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
                      "-keyout", pair.key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial",
                      "-extfile", extensions, "-out", pair.certificate, *(validity or ("-days", "2")))
        return pair

    @functools.cached_property
    def _ca(self):
        return self._authority("authority")

    @property
    def ca(self):
        return self._ca.certificate

    @functools.cached_property
    def other_ca(self):
        return self._authority("other-authority").certificate

    @functools.cached_property
    def server(self):
        return self._signed("server", LOCAL, self._ca)

    @functools.cached_property
    def other_name(self):
        return self._signed("other-name", "DNS:elsewhere.example", self._ca)

    @functools.cached_property
    def expired(self):
        """Its last day was yesterday: openssl counts days from now, and takes a negative number of them."""
        return self._signed("expired", LOCAL, self._ca, "-days", "-1")

    @functools.cached_property
    def self_signed(self):
        return self._self_signed("self-signed", "localhost", "subjectAltName=" + LOCAL)
