"""osed certs: a certificate authority for labs, device certificates, and what a certificate says."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from certs import dev_ca
from certs.errors import CertificateError
from certs.identity import grouped, identify, openadr_fingerprint
from certs.tls import TlsFiles, client_context
from gateway.cli.output import Json, document, people

app = typer.Typer(no_args_is_help=True, help="Certificates: make them for a lab, show them, check them.")

Folder = Annotated[Path, typer.Option("--folder", help="Where the files are.")]


@app.command()
def ca(
    folder: Folder = Path("certs"),
    name: Annotated[str, typer.Option(help="The name of the authority.")] = "lab",
    depth: Annotated[int, typer.Option(min=2, max=4, help="Certificates in each chain, leaf and root included.")] = 3,
    json_: Json = False,
) -> None:
    """Make a certificate authority for a lab. Never use it for real sites.

    Example: osed certs ca --folder lab-certs
    """
    paths = dev_ca.write(dev_ca.authority(name, datetime.now(UTC), depth), folder, name)
    _show_paths(paths, json_)


@app.command()
def device(
    serial: Annotated[str, typer.Argument(help="Serial number, in the certificate's HardwareModuleName.")],
    folder: Folder = Path("certs"),
    authority: Annotated[str, typer.Option("--ca", help="The authority made by 'osed certs ca'.")] = "lab",
    host: Annotated[list[str] | None, typer.Option(help="Host name or address, for servers. Repeatable.")] = None,
    json_: Json = False,
) -> None:
    """Make a device's or server's certificate from the lab's authority.

    Example: osed certs device gateway-1 --folder lab-certs
    """
    issued = dev_ca.issue(dev_ca.read(folder, authority), serial, datetime.now(UTC), hosts=tuple(host or ()))
    _show_paths(dev_ca.write(issued, folder, serial), json_, issued.chain_pem())


@app.command()
def show(
    certificate: Annotated[Path, typer.Argument(help="A certificate or chain in PEM or DER; the first one is shown.")],
    json_: Json = False,
) -> None:
    """Show LFDI, SFDI, fingerprints (whole, and as an OpenADR VTN wants it) and validity of a certificate.

    Example: osed certs show lab-certs/gateway-1.chain.pem
    """
    facts = _facts(_read(certificate))
    if json_:
        document(facts)
        return
    for name, value in facts.items():
        people.print(f"{name:<12} {value}")


@app.command()
def check(
    certificate: Annotated[Path, typer.Argument(help="The chain this gateway sends, leaf first.")],
    key: Annotated[Path, typer.Argument(help="Its private key.")],
    authority: Annotated[
        Path, typer.Argument(metavar="CA", help="The authority that the upstream's certificate must end in.")
    ],
    json_: Json = False,
) -> None:
    """Check that a chain, its key and an authority can be used together for IEEE 2030.5.

    Example: osed certs check gateway-1.chain.pem gateway-1.key lab.root.pem
    """
    context = client_context(TlsFiles(certificate, key, authority))
    leaf = x509.load_pem_x509_certificate(_read(certificate))
    now = datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise CertificateError(
            f"{certificate} is valid {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}: get a new one"
        )
    suites = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] == "TLSv1.2"]
    facts = {"ok": True, **_facts(_read(certificate)), "suites": suites, "openssl": ssl.OPENSSL_VERSION}
    if json_:
        document(facts)
        return
    people.print(f"usable: {certificate} with {key}, peers from {authority}")
    people.print(f"LFDI {facts['lfdi']}, suites {', '.join(suites)}")


def _facts(pem: bytes) -> dict[str, object]:
    identity = identify(pem)
    leaf = x509.load_pem_x509_certificate(pem) if b"-----BEGIN" in pem else x509.load_der_x509_certificate(pem)
    return {
        "lfdi": identity.lfdi,
        "sfdi": identity.sfdi,
        "fingerprint": grouped(identity.fingerprint, 2, ":"),
        "openadr": openadr_fingerprint(pem),
        "not_before": leaf.not_valid_before_utc.isoformat(),
        "not_after": leaf.not_valid_after_utc.isoformat(),
        "issuer": leaf.issuer.rfc4514_string(),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CertificateError(f"cannot read {path}: {fault.strerror}") from fault


def _show_paths(paths: dev_ca.Paths, as_json: bool, chain: bytes | None = None) -> None:
    facts: dict[str, object] = {"chain": str(paths.chain), "key": str(paths.key), "root": str(paths.root)}
    if chain is not None:
        facts |= _facts(chain)
    if as_json:
        document(facts)
        return
    for name, value in facts.items():
        people.print(f"{name:<12} {value}")
