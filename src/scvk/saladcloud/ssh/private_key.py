"""The private key that opens instances: whether a file's contents are one."""

from __future__ import annotations

import asyncssh

PrivateKey = asyncssh.SSHKey


class PrivateKeyError(ValueError):
    """These bytes are no key that can be used; the text says why, and holds nothing of them."""


def private_key_of(data: bytes) -> PrivateKey:
    """Return the private key in OpenSSH's, PKCS#1 or PKCS#8 format. Raises PrivateKeyError."""
    try:
        return asyncssh.import_private_key(data)
    except asyncssh.KeyEncryptionError:
        raise PrivateKeyError("it is encrypted: nobody is there to type a passphrase") from None
    except (asyncssh.KeyImportError, ValueError) as error:
        if "assphrase" in str(error):
            raise PrivateKeyError("it is encrypted: nobody is there to type a passphrase") from None
        raise PrivateKeyError(f"it is no private key{_hint(data)}") from None


def _hint(data: bytes) -> str:
    if data.lstrip().startswith((b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2 PUBLIC", b"-----BEGIN PUBLIC")):
        return ", but a public one: give the file without .pub"
    return " in OpenSSH's or PEM format"
