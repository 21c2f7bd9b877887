"""Why there is no connection to a broker, in words: what, where, what came, what would do.

The pages know these texts in French by ``said.broker.*``.
"""

import contextlib
import socket
import ssl
from typing import Any, Final

from connectors.sources._mqtt_broker import BrokerConfig

TAKEN_OVER: Final = 0x8E
NO_REASON: Final = 0x80
LOOK_S: Final = 2.0
"""Longest wait for an answer in TLS where none was given in MQTT [s] (chosen default)."""
_ACCOUNT: Final = frozenset({0x86, 0x87})
"""CONNACK codes about who we are: bad user name or password, not authorised."""
_OTHER_NAME: Final = frozenset({62, 64})
_EXPIRED: Final = 10
_TOO_EARLY: Final = 9
"""Faults of a certificate as OpenSSL counts them (X509_V_ERR_…, openssl-verification-options)."""
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "EOF", "RECORD_LAYER", "PACKET_LENGTH", "HTTP_REQUEST")
_NONE_GIVEN: Final = ("CERTIFICATE", "HANDSHAKE")
_NOT_OURS: Final = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR")


def no_connection(config: BrokerConfig, error: OSError) -> str:
    """Words for what the operating system or TLS raised while we connected."""
    where = config.where
    if isinstance(error, socket.gaierror):
        return f"no machine is called {config.host} ({error.strerror}); check host, and the name service"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing answers at {where}; check that the broker runs"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_believed(config, error)
    if isinstance(error, ssl.SSLError):
        return _no_tls(config, error)
    if isinstance(error, TimeoutError) and "handshake" not in str(error):
        return f"no answer from {where} in time; check the address, and what lies between"
    if isinstance(error, (TimeoutError, ConnectionError)) and config.tls:
        return _speaks_no_tls(where, str(error))
    return f"no way to {where} ({error}); check the network"


def _not_believed(config: BrokerConfig, error: ssl.SSLCertVerificationError) -> str:
    where, code, why = config.where, error.verify_code, error.verify_message.rstrip(".")
    if code in _OTHER_NAME:
        return (
            f"the certificate of the broker at {where} is for another name ({why}); "
            "a host it names would do, or a certificate for this one"
        )
    if code in (_EXPIRED, _TOO_EARLY):
        return (
            f"the certificate of the broker at {where} is not valid now ({why}); "
            "renew it at the broker, or check the clocks"
        )
    if config.ca_file is None:
        return (
            f"the certificate of the broker at {where} is not trusted ({why}); "
            "give the certificate of its authority as ca_file"
        )
    return (
        f"the certificate of the broker at {where} is by no authority in {config.ca_file} ({why}); "
        "put the certificate of its authority there"
    )


def _no_tls(config: BrokerConfig, error: ssl.SSLError) -> str:
    where, reason = config.where, error.reason or str(error)
    alert, ours = "ALERT" in reason, config.certificate_file
    if "CERTIFICATE_REQUIRED" in reason or (alert and not ours and any(one in reason for one in _NONE_GIVEN)):
        return (
            f"the broker at {where} asks for a certificate of ours; give certificate_file and key_file, "
            "of an authority it trusts"
        )
    if alert and ours and any(word in reason for word in _NOT_OURS):
        return (
            f"the broker at {where} does not take our certificate {ours} ({reason}); "
            "one of an authority it trusts would do"
        )
    if not alert and any(word in reason for word in _NO_TLS):
        return _speaks_no_tls(where, reason)
    return f"no agreement on TLS with the broker at {where} ({reason}); check its versions of TLS"


def _speaks_no_tls(where: str, why: str) -> str:
    return (
        f"no TLS is spoken at {where} ({why}); the port on which the broker encrypts would do, "
        "or tls: false where it does not"
    )


def refused(config: BrokerConfig, client: str, code: Any) -> str:
    """Words for a CONNACK that says no."""
    where = config.where
    if code.value not in _ACCOUNT:
        return f"the broker at {where} refuses client {client}: {code}; it is tried again"
    if not config.user:
        return (
            f"the broker at {where} wants an account ({code}); give user and password_file. It is tried again"
        )
    if config.password_file is None:
        return (
            f"the broker at {where} refuses user {config.user} without a password ({code}); "
            "give password_file. It is tried again"
        )
    return (
        f"the broker at {where} refuses user {config.user} ({code}); check the account at the broker, "
        f"and its password in {config.password_file}, which is read at every try"
    )


def unheard(config: BrokerConfig, client: str) -> str:
    """Words for a connection that ended, or stayed silent, before the broker took or refused us.

    Without `tls` it looks whether TLS is spoken there, which takes `LOOK_S` at most twice.
    """
    where = config.where
    if not config.tls and speaks_tls(config):
        return f"the broker at {where} encrypts; give tls: true, or the port on which it does not"
    return (
        f"{where} does not answer our greeting; check that a broker of MQTT listens there, "
        f"and that it takes client {client}"
    )


def speaks_tls(config: BrokerConfig) -> bool:
    """True when something at the broker's port answers in TLS; whoever it is, nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    at, longest_s = (config.host, config.port), min(LOOK_S, config.connect_timeout_s)
    with contextlib.suppress(OSError), socket.create_connection(at, longest_s) as plain:
        try:
            context.wrap_socket(plain, server_hostname=config.host).close()
        except ssl.SSLError as error:
            return "ALERT" in (error.reason or "")
        return True
    return False


def lost(config: BrokerConfig, client: str, code: Any) -> str:
    """Words for a connection that stood and ended."""
    where = config.where
    if code.value == TAKEN_OVER:
        return (
            f"session taken over: another client uses client_id {client} at the broker at {where}; "
            "give each client a client_id of its own"
        )
    if code.value == NO_REASON:
        return (
            f"connection to the broker at {where} lost without a reason; if this comes again and again, "
            f"another client may use client_id {client}"
        )
    return f"connection to the broker at {where} lost: {code}"
