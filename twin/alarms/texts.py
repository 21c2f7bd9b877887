"""Words of the screen and of notices in English and French: kinds, verdicts, states, quantities."""

from typing import Final, TypeAlias

Texts: TypeAlias = dict[str, dict[str, str]]
"""Name, cause, consequence and action by language."""


def both(en: tuple[str, str, str, str], fr: tuple[str, str, str, str]) -> Texts:
    """Name, cause, consequence and action in English and in French."""
    parts = ("name", "cause", "consequence", "action")
    return {"en": dict(zip(parts, en, strict=True)), "fr": dict(zip(parts, fr, strict=True))}


TEXTS: Final[dict[str, tuple[str, str]]] = {
    "kind.drift": ("drift", "dérive"),
    "kind.limit": ("limit passed", "seuil franchi"),
    "kind.signal_lost": ("signal lost", "signal perdu"),
    "kind.frozen": ("frozen value", "valeur figée"),
    "kind.dead": ("dead channel", "voie morte"),
    "kind.spike": ("spikes", "pics"),
    "kind.noise": ("changed scatter", "dispersion anormale"),
    "kind.unusual": ("unusual vessel", "cuve inhabituelle"),
    "kind.gap": ("gap in the data", "trou dans les données"),
    "kind.phase": ("phase", "phase"),
    "kind.sample": ("sample", "échantillon"),
    "kind.risk": ("predicted risk", "risque prévu"),
    "kind.calibration": ("calibration", "étalonnage"),
    "kind.link": ("link", "liaison"),
    "kind.twin": ("twin's trust", "confiance du jumeau"),
    "kind.alarm": ("alarm", "alarme"),
    "verdict.sensor": ("sensor", "capteur"),
    "verdict.process": ("process", "procédé"),
    "verdict.actuator": ("actuator", "actionneur"),
    "verdict.unknown": ("not known", "inconnu"),
    "stage.suspected": ("suspected", "soupçonné"),
    "stage.confirmed": ("confirmed", "confirmé"),
    "stage.revised": ("revised", "révisé"),
    "stage.closed": ("closed", "terminé"),
    "state.normal": ("normal", "normal"),
    "state.unack": ("not acknowledged", "non acquittée"),
    "state.acked": ("acknowledged", "acquittée"),
    "state.rtn_unack": ("gone, not acknowledged", "disparue, non acquittée"),
    "state.latched_unack": ("gone, latched, not acknowledged", "disparue, maintenue, non acquittée"),
    "state.latched_acked": ("gone, latched, acknowledged", "disparue, maintenue, acquittée"),
    "state.shelved": ("shelved", "mise de côté"),
    "state.suppressed": ("suppressed by design", "supprimée par conception"),
    "state.out_of_service": ("out of service", "hors service"),
    "priority.critical": ("critical", "critique"),
    "priority.high": ("high", "haute"),
    "priority.medium": ("medium", "moyenne"),
    "priority.low": ("low", "basse"),
    "quantity.pH": ("pH", "pH"),
    "quantity.pO2": ("dissolved oxygen", "oxygène dissous"),
    "quantity.pCO2": ("dissolved CO₂", "CO₂ dissous"),
    "quantity.conductivity": ("conductivity", "conductivité"),
    "quantity.temperature": ("temperature", "température"),
    "quantity.weight": ("weight", "poids"),
    "quantity.mass": ("mass", "masse"),
    "quantity.volume": ("volume", "volume"),
    "quantity.gas flow": ("gas flow", "débit de gaz"),
    "quantity.liquid flow": ("liquid flow", "débit liquide"),
    "quantity.rotation": ("stirrer speed", "vitesse d'agitation"),
    "quantity.gas fraction": ("gas fraction", "fraction gazeuse"),
    "quantity.pressure": ("pressure", "pression"),
    "quantity.cell density": ("cell density", "densité cellulaire"),
    "quantity.viability": ("viability", "viabilité"),
    "quantity.concentration": ("concentration", "concentration"),
    "quantity.length": ("length", "longueur"),
    "quantity.absorbance": ("absorbance", "absorbance"),
    "quantity.ratio": ("ratio", "rapport"),
    "quantity.rate": ("rate", "vitesse"),
    "quantity.count": ("count", "nombre"),
    "words.since": ("since", "depuis"),
    "words.size": ("size", "ampleur"),
    "words.confidence": ("confidence", "confiance"),
    "words.do": ("Do", "À faire"),
    "words.late": (
        "values came late; told late by",
        "valeurs arrivées en retard ; annoncé avec un retard de",
    ),
    "words.test": ("Test of a subscription", "Essai d'un abonnement"),
    "words.test.text": (
        "Notices of this subscription arrive here. Nothing is wrong.",
        "Les avis de cet abonnement arrivent ici. Rien d'anormal.",
    ),
    "words.digest": ("{count} notices", "{count} avis"),
    "words.below": ("below", "sous"),
    "words.above": ("above", "au-dessus de"),
    "words.risk": ("{tag} may go {side} {bound}", "{tag} risque de passer {side} {bound}"),
    "words.risk.text": (
        "Probability {percent} % within {hours} h, if nothing is done. You asked for {asked} % or more.",
        "Probabilité {percent} % d'ici {hours} h si rien n'est fait. Vous vouliez l'apprendre dès {asked} %.",
    ),
    "words.stop": ("Stop these notices", "Ne plus recevoir ces avis"),
    "picture.head": ("{tag} from {start} to {end} UTC.", "{tag} du {start} au {end} UTC."),
    "picture.measured": (
        "Measured: {first} first, {last} last.",
        "Mesuré : {first} d'abord, {last} à la fin.",
    ),
    "picture.twin": (
        "The twin holds {mean} ± {spread} to be true.",
        "Le jumeau tient {mean} ± {spread} pour vrai.",
    ),
    "picture.limits": ("Limits: {limits}.", "Seuils : {limits}."),
    "picture.legend": (
        "Blue: measured. Orange: the twin, band of 95 %. Dashed: limits. Grey: since when; hours from there.",
        "Bleu : mesuré. Orange : le jumeau, bande à 95 %. Tirets : seuils. Gris : début, zéro des heures.",
    ),
    "words.simulated": ("simulated data", "données simulées"),
}
