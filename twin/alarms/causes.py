"""Every cause and every piece of evidence by its code, in English and French."""

from typing import Final

from twin.alarms.causes_model import MODEL_CAUSES
from twin.alarms.causes_normal import NORMAL_CAUSES
from twin.alarms.causes_signal import SIGNAL_CAUSES
from twin.alarms.causes_trust import TRUST_CAUSES
from twin.alarms.texts import Texts

CAUSES: Final[dict[str, Texts]] = {**MODEL_CAUSES, **SIGNAL_CAUSES, **NORMAL_CAUSES, **TRUST_CAUSES}

EVIDENCE: Final[dict[str, dict[str, str]]] = {
    "R1": {
        "en": "pH disagrees with pCO2 and the balance of acid and base",
        "fr": "le pH contredit pCO2 et le bilan acide-base",
    },
    "R2": {
        "en": "pO2 disagrees with oxygen uptake and transfer",
        "fr": "la pO2 contredit consommation et transfert d'oxygène",
    },
    "R3": {
        "en": "conductivity disagrees with alkalinity and dilution",
        "fr": "la conductivité contredit alcalinité et dilution",
    },
    "R4": {
        "en": "weight and scales disagree with the pumps' flows",
        "fr": "poids et balances contredisent les débits des pompes",
    },
    "R5": {"en": "capacitance disagrees with the cells", "fr": "la capacitance contredit les cellules"},
    "R6": {
        "en": "temperature disagrees with the jacket's heat",
        "fr": "la température contredit la chaleur de la double enveloppe",
    },
    "R7": {
        "en": "glucose disagrees with feed and uptake",
        "fr": "le glucose contredit apport et consommation",
    },
    "R8": {
        "en": "CO2 of the exit gas speaks for it",
        "fr": "le CO2 du gaz de sortie parle en ce sens",
    },
    "R9": {
        "en": "exit gas disagrees with the gas flow reported",
        "fr": "le gaz de sortie contredit le débit annoncé",
    },
    "R10": {"en": "head pressure speaks for it", "fr": "la pression de tête parle en ce sens"},
    "R11": {
        "en": "product of the harvest disagrees with that of the vessel",
        "fr": "le produit de la récolte contredit celui de la cuve",
    },
    "cell_balance": {
        "en": "counts disagree with growth and ageing",
        "fr": "les comptages contredisent croissance et vieillissement",
    },
    "new_batch": {
        "en": "another batch began; what still is so is found again",
        "fr": "un autre lot a commencé ; ce qui persiste sera retrouvé",
    },
    "siblings": {
        "en": "its cells, oxygen uptake or product against those of its siblings at the same age",
        "fr": "cellules, consommation d'oxygène ou produit comparés à ceux de ses sœurs au même âge",
    },
    "signal.dead": {"en": "impossible values in a row", "fr": "valeurs impossibles à la suite"},
    "signal.frozen": {"en": "no change for far too long", "fr": "aucun changement depuis trop longtemps"},
    "signal.spike": {"en": "values far from their neighbours", "fr": "valeurs loin de leurs voisines"},
    "signal.noise": {"en": "scatter against its own past", "fr": "dispersion comparée à son passé"},
    "signal.signal_lost": {"en": "silence longer than allowed", "fr": "silence plus long que permis"},
    "normal.local": {
        "en": "other signals say otherwise, as good runs of this age had it",
        "fr": "les autres signaux disent autre chose, comme aux bons lots de cet âge",
    },
    "normal.global": {
        "en": "other signals say otherwise, as good runs had it throughout",
        "fr": "les autres signaux disent autre chose, comme aux bons lots entiers",
    },
    "normal.own": {
        "en": "far from where good runs were at this age",
        "fr": "loin d'où étaient les bons lots à cet âge",
    },
    "normal.scatter": {
        "en": "scatter within minutes, against good runs",
        "fr": "dispersion à la minute, comparée aux bons lots",
    },
    "signal.gap": {"en": "a hole between two values", "fr": "un trou entre deux valeurs"},
}
