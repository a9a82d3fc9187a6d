"""How far a site can move: what it reports to the areas it is a member of."""

from grid_functions.model.device import Role, Vehicle
from grid_functions.model.lease import MemberReport
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, obeys

_PLUGGED = frozenset({Vehicle.CONNECTED, Vehicle.CHARGING, Vehicle.VENTILATION})


def member_report(snapshot: Snapshot, terms: SiteTerms) -> MemberReport | None:
    """Net power now, and between which powers its devices could bring it, W, positive = import; None without a good meter reading.

    Producers can give less and never more than now; storage between its ratings; a charger with a car up to its rating.
    """
    net = snapshot.meter.get((Quantity.NET, None))
    if net is None or net.quality is not Quality.GOOD:
        return None
    lowest_w = highest_w = net.value
    for name, seen in snapshot.devices.items():
        power = seen.condition.readings.get((Quantity.NET, None))
        if name not in terms.devices or not seen.condition.online or power is None or power.quality is not Quality.GOOD:
            continue
        doing_w = power.value
        down_w = up_w = doing_w
        if obeys(seen, Quantity.PRODUCED) and seen.role in (Role.PV, Role.HYBRID):
            up_w = max(up_w, 0.0)
        if seen.role in (Role.BATTERY, Role.HYBRID) and obeys(seen, Quantity.PRODUCED):
            down_w, up_w = -most_w(seen, Quantity.PRODUCED), max(up_w, most_w(seen, Quantity.CONSUMED))
        if seen.role is Role.EVSE and obeys(seen, Quantity.CONSUMED):
            down_w = min(down_w, 0.0)
            up_w = most_w(seen, Quantity.CONSUMED) if seen.condition.vehicle in _PLUGGED else doing_w
        lowest_w += min(down_w, doing_w) - doing_w
        highest_w += max(up_w, doing_w) - doing_w
    return MemberReport(snapshot.site, net.utc_s, net.value, lowest_w, highest_w)
