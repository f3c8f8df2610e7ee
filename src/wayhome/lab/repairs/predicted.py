"""What a demonstration would be held against, where there is no kernel for it. Pure."""

from wayhome.lab.case import Expected, Phase, Row
from wayhome.lab.prediction import PredictedPhase, Predictions, predict_ways
from wayhome.lab.repairs.claims import Claims
from wayhome.lab.repairs.demonstration import Demonstration


def predict_demonstration(shown: Demonstration, claims: Claims | None) -> PredictedPhase:
    """What is said of each probe. Of several ways that it may go, the one that is claimed; without claims, the first."""
    predictions: Predictions = {}
    expected: dict[Row, Expected] = {}
    for ask, claimed in (
        (shown.asked, claims.of_asked(shown) if claims else ()),
        (shown.reverse, claims.of_reverse(shown) if claims else ()),
    ):
        for how in ask.protocols:
            ways = predict_ways(shown.network, ask.flow(how), ask.at)
            said = next((way for way in ways if way in claimed), ways[0])
            predictions[ask.row, how] = said
            expected[ask.row] = claimed[0] if claimed and said not in claimed else said
    return PredictedPhase(
        Phase(shown.kind, shown.title, None, expected), predictions, shown.network
    )
