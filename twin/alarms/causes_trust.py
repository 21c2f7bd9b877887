"""Why a twin trusts itself less, and a vessel that is unlike its siblings, in English and French."""

from typing import Final

from twin.alarms.texts import Texts, both

_LESS = "Nothing is forecast until the twin is good again; findings say how far it is trusted."
_MOINS = "Rien n'est prévu avant qu'il aille mieux\u00a0; les constats disent quelle confiance il mérite."
_NONE = "Neither bands nor estimates are shown; the twin goes on in silence and comes back by itself."
_RIEN = "Ni bandes ni estimations ne sont montrées ; le jumeau continue en silence et revient de lui-même."

TRUST_CAUSES: Final[dict[str, Texts]] = {
    "twin_surprised": both(
        (
            "Twin does not understand the readings",
            "For hours the readings have been further from what the twin expects than it believes possible, "
            "and no fault it knows explains them.",
            _LESS,
            "Look at the trends against the twin's band; enter what was changed; take a sample.",
        ),
        (
            "Le jumeau ne comprend pas les mesures",
            "Depuis des heures les mesures s'écartent de l'attendu plus que le jumeau ne le croit possible, "
            "sans qu'une panne connue les explique.",
            _MOINS,
            "Comparer les courbes à la bande ; noter ce qui a été changé ; prélever un échantillon.",
        ),
    ),
    "twin_not_white": both(
        (
            "Twin lags behind the readings",
            "The readings stay on one side of what the twin expects for long: its model misses something.",
            _LESS,
            "Look at the trends against the twin's band; take a sample.",
        ),
        (
            "Le jumeau suit les mesures avec retard",
            "Les mesures restent longtemps du même côté de l'attendu : il manque quelque chose à son modèle.",
            _MOINS,
            "Comparer les courbes à la bande du jumeau ; prélever un échantillon.",
        ),
    ),
    "twin_blind": both(
        (
            "Too few sensors for the twin",
            "With the sensors alive now less than half of what the twin estimates can be known.",
            _LESS,
            "Diagnostics says which sensors are silent; bring them back or take a sample.",
        ),
        (
            "Trop peu de capteurs pour le jumeau",
            "Avec les capteurs encore vivants, moins de la moitié de ce qu'il estime est connaissable.",
            _MOINS,
            "Le diagnostic dit quels capteurs se taisent ; les rétablir ou prélever un échantillon.",
        ),
    ),
    "twin_dark": both(
        (
            "Nothing reaches the twin",
            "No reading has come for hours; what the twin believes is only its own continuation.",
            _LESS,
            "Look at the links on the diagnostics page.",
        ),
        (
            "Plus rien n'arrive au jumeau",
            "Aucune mesure depuis des heures ; ce que croit le jumeau n'est que sa propre continuation.",
            _MOINS,
            "Regarder les liaisons sur la page de diagnostic.",
        ),
    ),
    "twin_unstable": both(
        (
            "Twin was lost several times",
            "The twin's belief failed its self-check several times within hours.",
            _NONE,
            "Look at the readings of these hours; report it with the run when nothing is wrong with them.",
        ),
        (
            "Jumeau perdu plusieurs fois",
            "La croyance du jumeau a échoué plusieurs fois à son autocontrôle en quelques heures.",
            _RIEN,
            "Regarder les mesures de ces heures ; signaler le cas avec ses données si elles sont saines.",
        ),
    ),
    "unlike_siblings": both(
        (
            "Unlike its siblings",
            "At the same batch age the vessel is further from the others than healthy ones from each other.",
            "Yield or quality may differ from the other vessels of the campaign.",
            "Compare inoculum, medium, feed and settings with the siblings; take a sample.",
        ),
        (
            "Différente de ses sœurs",
            "Au même âge de lot, la cuve s'écarte des autres plus que des cuves saines entre elles.",
            "Rendement ou qualité peuvent différer des autres cuves de la campagne.",
            "Comparer inoculum, milieu, alimentation et réglages aux autres ; prélever un échantillon.",
        ),
    ),
    "twin_recovered": both(
        (
            "Twin is good again",
            "Its figures have been good for hours.",
            "What was held back and still stands is told now.",
            "Nothing.",
        ),
        (
            "Le jumeau va mieux",
            "Ses chiffres sont bons depuis des heures.",
            "Ce qui était retenu et dure encore est annoncé maintenant.",
            "Rien.",
        ),
    ),
}
