"""Bodies as a peer sends them, for the tests of the wire."""

SEP = 'xmlns="urn:ieee:std:2030.5:ns"'
AUS = 'xmlns:csipaus="https://csipaus.org/ns"'
LIMIT = "<csipaus:opModExpLimW><multiplier>0</multiplier><value>1500</value></csipaus:opModExpLimW>"


def control(
    base: str = LIMIT,
    *,
    mrid: str = "30000000000000000000000400006F83",
    start: str = "1795404211",
    duration: str = "15",
    attributes: str = 'href="/derc/4" replyTo="/rsp" responseRequired="03"',
    description: str = "",
    status: str = "0",
    more: str = "",
) -> str:
    """One DERControl, good unless told otherwise."""
    return (
        f"<DERControl {attributes}><mRID>{mrid}</mRID>{description}<version>1</version>"
        f"<creationTime>1795404199</creationTime><EventStatus><currentStatus>{status}</currentStatus>"
        "<dateTime>1795404199</dateTime><potentiallySuperseded>false</potentiallySuperseded></EventStatus>"
        f"<interval><duration>{duration}</duration><start>{start}</start></interval>{more}"
        f"<DERControlBase>{base}</DERControlBase></DERControl>"
    )


def control_list(*controls: str, attributes: str = 'all="3" results="3"', namespaces: str = f"{SEP} {AUS}") -> bytes:
    """A DERControlList around them."""
    return f"<DERControlList {namespaces} {attributes}>{''.join(controls)}</DERControlList>".encode()


GOOD = control(mrid="AA")
OTHER = control(mrid="BB", base="<opModMaxLimW>5000</opModMaxLimW>")
