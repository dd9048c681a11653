# SPDX-License-Identifier: BSD-2-Clause
"""A certificate authority of the tests' own, run with the openssl command as an operator would."""
import datetime
import ipaddress
import itertools
import pathlib
import subprocess

from . import process

CONFIG = """
[req]
distinguished_name = nothing
prompt = no
[nothing]
CN = unused
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = here
[here]
database = %(folder)s/index.txt
new_certs_dir = %(folder)s
certificate = %(folder)s/ca.pem
private_key = %(folder)s/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
x509_extensions = leaf
copy_extensions = copy
default_crl_days = 30
[anything]
commonName = optional
[leaf]
basicConstraints = CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
"""
KEYS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-newkey", "rsa:2048"],
    "rsa4096": ["-newkey", "rsa:4096"],
}


def _when(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def _name(name):
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class Leaf:
    """A certificate and its key, as files."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @property
    def conf(self):
        """What stands in `certificates` of a listener's tls group."""
        return {"certificate": str(self.certificate), "private_key": str(self.key)}

    @property
    def both(self):
        """One file with certificate and key, as HAProxy wants it."""
        path = self.certificate.with_suffix(".both")
        path.write_text(self.certificate.read_text() + self.key.read_text())
        return path

    def replace_by(self, other):
        """Put another one's content into these files, each in one step, as those who renew certificates do."""
        for mine, its in ((self.key, other.key), (self.certificate, other.certificate)):
            fresh = mine.with_suffix(".fresh")
            fresh.write_bytes(its.read_bytes())
            fresh.rename(mine)

    def copy(self, folder):
        """The same, in files of a test's own."""
        made = Leaf(folder / self.certificate.name, folder / self.key.name)
        made.certificate.write_bytes(self.certificate.read_bytes())
        made.key.write_bytes(self.key.read_bytes())
        return made


class Authority:
    """`parent` signs it; then what it issues has its own certificate in the file too."""

    def __init__(self, folder, name="sipweir test authority", parent=None):
        self.folder, self._parent = pathlib.Path(folder), parent
        self.certificate = self.folder / "ca.pem"
        self._config = self.folder / "openssl.cnf"
        self._numbers = itertools.count(1)
        self._program = process.find("openssl", "openssl")
        self._config.write_text(CONFIG % {"folder": self.folder})
        (self.folder / "index.txt").touch()
        by = ("-CA", parent.certificate, "-CAkey", parent.folder / "ca.key") if parent else ()
        self._run(
            *("req", "-x509", *KEYS["ec"], "-noenc", "-extensions", "authority", "-subj", f"/CN={name}", *by),
            *("-days", "365", "-keyout", self.folder / "ca.key", "-out", self.certificate),
        )

    def _run(self, command, *arguments):
        line = [self._program, command, "-config", str(self._config), *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(line)}\n{done.stderr}"

    def issue(self, *names, key="ec", days=(-1, 300)):
        """A leaf for these names (DNS, wildcard or address), valid between the days from now."""
        made = self.folder / f"leaf{next(self._numbers)}"
        request, certificate, private = (made.with_suffix(end) for end in (".csr", ".pem", ".key"))
        alternatives = "subjectAltName=" + ",".join(map(_name, names))
        subject = ("-subj", f"/CN={names[0]}", "-addext", alternatives)
        self._run("req", "-new", *KEYS[key], "-noenc", *subject, "-keyout", private, "-out", request)
        valid = ("-startdate", _when(days[0]), "-enddate", _when(days[1]))
        self._run("ca", "-batch", "-notext", *valid, "-in", request, "-out", certificate)
        if self._parent:
            certificate.write_text(certificate.read_text() + self.certificate.read_text())
        return Leaf(certificate, private)

    def intermediate(self, folder):
        """An authority between this one and its leaves."""
        return Authority(folder, "between", self)

    def sign_itself(self, name, folder):
        """A leaf that nobody has signed."""
        made = Leaf(folder / "alone.pem", folder / "alone.key")
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "30")
        self._run("req", "-x509", *KEYS["ec"], "-noenc", *subject, "-keyout", made.key, "-out", made.certificate)
        return made

    def revoke(self, leaf):
        self._run("ca", "-batch", "-revoke", leaf.certificate)
        return leaf

    def crl(self, days=30):
        """A list of what is revoked now, to be renewed within `days`; a negative number: it should have been."""
        path = self.folder / f"crl{next(self._numbers)}.pem"
        valid = ("-crl_lastupdate", _when(min(days, 0) - 1), "-crl_nextupdate", _when(days))
        self._run("ca", "-gencrl", *valid, "-out", path)
        return path
