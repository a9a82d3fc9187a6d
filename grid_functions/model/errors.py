"""The tree of errors, sorted by who must act.

    GatewayError
      OurFault              we broke a rule: a defect to report
      PeerFault             the upstream broke a rule: its operator must act, we carry on
        MalformedMessage      bytes that are no message of the standard
        Refused               the upstream understood and said no (4xx)
      DeviceFault           the device refused or lied
        DeviceRefused         an exception code
        WrongDevice           maker, model or serial are not those pinned
      Unreachable           nobody answered: try again
      OperatorFault         the person who runs the gateway must act
        ConfigurationFault    all mistakes of a configuration at once
        CredentialFault       a certificate, key or PIN is missing, expired or foreign
        LedgerUnavailable     disk full, locked, corrupt

An error says what happened and, in ``advice``, what its reader can do next. Foreign exceptions become one of these once, at the border.
"""


class GatewayError(Exception):
    """The root. ``advice``: what to do next, one sentence, may be empty."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.advice = advice

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}: {self.advice}" if self.advice else text


class OurFault(GatewayError):
    """We broke a rule."""


class PeerFault(GatewayError):
    """The upstream broke a rule."""


class MalformedMessage(PeerFault):
    """Bytes that are no message of the standard."""


class Refused(PeerFault):
    """The upstream understood and said no. ``code``: its HTTP status."""

    def __init__(self, text: str, code: int, advice: str = "") -> None:
        super().__init__(text, advice)
        self.code = code


class DeviceFault(GatewayError):
    """The device refused or lied."""


class DeviceRefused(DeviceFault):
    """The device answered with an exception. ``code``: the Modbus exception code."""

    def __init__(self, text: str, code: int, advice: str = "") -> None:
        super().__init__(text, advice)
        self.code = code


class WrongDevice(DeviceFault):
    """Maker, model or serial number are not those pinned at commissioning."""


class Unreachable(GatewayError):
    """Nobody answered; trying again may help."""


class OperatorFault(GatewayError):
    """The person who runs the gateway must act."""


class ConfigurationFault(OperatorFault, ValueError):
    """Every mistake of a configuration at once, each with file and line; of options, a value that is none."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class CredentialFault(OperatorFault):
    """A certificate, key or PIN is missing, expired or foreign."""


class LedgerUnavailable(OperatorFault):
    """The ledger cannot be read or written."""
