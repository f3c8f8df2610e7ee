"""What is claimed of the case's repairs: by the account, and where it only considers one, by the project.

Of the account: a proxy on a machine works and one in a Pod does not; masquerading works; exchanged routes work, and only
if one side exports them and the other imports. Masquerading opens one direction, as everything does behind which the Pod
keeps an address that the destination has no route to. A VPC-native cluster, a Shared VPC and a path over public addresses
the account did not try. Where the destination is behind a VPN, the account's supposition is right, and a Cloud Router's
list the repair: that is shown in a network of its own, with BGP.
"""

from collections.abc import Callable
from pathlib import Path

from wayhome.diagnosis.question import Question
from wayhome.lab.bgp.demonstration import demonstrate, phases
from wayhome.lab.bgp.phases import KIND as ADVERTISE_RANGE
from wayhome.lab.bgp.speaking import require_bird
from wayhome.lab.demo import PhaseOutcome
from wayhome.lab.prediction import PredictedPhase, predict_in
from wayhome.lab.repairs.claims import CaseRepairs, Claim, Claims, Elsewhere, Sees, Unrepaired
from wayhome.lab.repairs.outcome import RepairOutcome
from wayhome.lab.the_case.phases import BEFORE, MY_POD, REVERSE, TARGET, A
from wayhome.network import Network

CLAIMS = Claims(
    Unrepaired(BEFORE[A], BEFORE[REVERSE]),
    {
        "masquerade": Claim(works=True, sees=Sees.NODE, opens_reverse=False),
        "exchange-routes": Claim(works=True, sees=Sees.POD, opens_reverse=True),
        "export-only": Claim(works=False, sees=Sees.POD, opens_reverse=False),
        "import-only": Claim(works=False, sees=Sees.POD, opens_reverse=False),
        "proxy-vm": Claim(works=True, sees=Sees.PROXY, opens_reverse=False),
        "proxy-pod": Claim(works=False, sees=Sees.PROXY, opens_reverse=False),
        "vpc-native": Claim(works=True, sees=Sees.POD, opens_reverse=True),
        "shared-vpc": Claim(works=True, sees=Sees.POD, opens_reverse=True),
        "public-path": Claim(works=True, sees=Sees.PUBLIC, opens_reverse=False),
    },
)


def _advertise_range(folder: Path, show: Callable[[RepairOutcome], None]) -> None:
    def seen(outcome: PhaseOutcome, network: Network) -> None:
        control = outcome.phase.name != ADVERTISE_RANGE
        show(RepairOutcome(ADVERTISE_RANGE, network, outcome, control))

    demonstrate(folder, seen)


def _advertise_range_predicted() -> list[PredictedPhase]:
    return [predict_in(phase, told.estate, told.network) for phase, told in phases()]


REPAIRS = CaseRepairs(
    Question.parse(MY_POD, f"{TARGET}:80"),
    CLAIMS,
    {ADVERTISE_RANGE: Elsewhere(require_bird, _advertise_range, _advertise_range_predicted)},
)
