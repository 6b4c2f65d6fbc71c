"""Certificates made with openssl: a CA, and what it signed."""

import subprocess
from pathlib import Path

from .process import locked


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class Tls:
    """A CA in `directory`; cert(name) makes name.crt and name.key once, whoever else wants them
    too.
    """

    def __init__(self, directory, ca="ca"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca, self._ca_key = self.directory / f"{ca}.crt", self.directory / f"{ca}.key"
        with locked(self.directory / "lock"):
            if not self.ca.exists():
                _openssl(
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    3650,
                    "-subj",
                    f"/CN={ca}",
                    "-keyout",
                    self._ca_key,
                    "-out",
                    self.ca,
                )

    def cert(self, name, common_name=None, san="DNS:localhost,IP:127.0.0.1,IP:::1"):
        """(certificate, key) for a server, or for a client whose user is `common_name`."""
        crt, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        with locked(self.directory / "lock"):
            if not crt.exists():
                self._sign(crt, key, common_name or name, san)
        return crt, key

    def _sign(self, crt, key, common_name, san):
        request, extensions = crt.with_suffix(".csr"), crt.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={san}\n")
        _openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            f"/CN={common_name}",
            "-keyout",
            key,
            "-out",
            request,
        )
        key.chmod(0o600)
        _openssl(
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            self.ca,
            "-CAkey",
            self._ca_key,
            "-CAcreateserial",
            "-days",
            3650,
            "-extfile",
            extensions,
            "-out",
            crt,
        )
