"""Texts of what the comparison with good runs tells: name, cause, consequence, action; en and fr."""

from typing import Final

from twin.alarms.texts import Texts, both

NORMAL_CAUSES: Final[dict[str, Texts]] = {
    "normal_relation": both(
        (
            "Not as in good runs",
            "The value does not fit the other signals as it does in good runs.",
            "Either its probe is off, or what the others do not show has changed.",
            "Compare with a reference; check probe, pump and scale before correcting.",
        ),
        (
            "Autrement que dans les bons lots",
            "La valeur ne s'accorde pas aux autres signaux comme dans les bons lots.",
            "Ou sa sonde est en écart, ou quelque chose que les autres ne montrent pas a changé.",
            "Comparer à une référence ; vérifier sonde, pompe et balance avant de corriger.",
        ),
    ),
    "normal_actuator": both(
        (
            "Flow not as in good runs",
            "The metered flow itself leaves what good runs had at this age.",
            "What it doses reaches the culture in another amount.",
            "Check pump, valve, set point and recipe.",
        ),
        (
            "Débit autre que dans les bons lots",
            "Le débit mesuré lui-même quitte ce qu'avaient les bons lots à cet âge.",
            "Ce qu'il dose arrive en autre quantité.",
            "Vérifier pompe, vanne, consigne et recette.",
        ),
    ),
    "normal_unknown": both(
        (
            "Demand not as in good runs",
            "A controlled flow asks for more or less than the other signals explain.",
            "The probe of its loop may lie, or the process may have changed.",
            "Check the probe of the loop first, then the process.",
        ),
        (
            "Demande autre que dans les bons lots",
            "Un débit régulé demande plus ou moins que ce que les autres signaux expliquent.",
            "La sonde de sa boucle ment peut-être, ou le procédé a changé.",
            "Vérifier d'abord la sonde de la boucle, puis le procédé.",
        ),
    ),
    "normal_process": both(
        (
            "Batch leaves good runs",
            "Several signals leave together what good runs had at this age.",
            "The batch may end otherwise than planned.",
            "Take a sample; look at feeds, gas and temperature.",
        ),
        (
            "Le lot quitte les bons lots",
            "Plusieurs signaux quittent ensemble ce qu'avaient les bons lots à cet âge.",
            "Le lot peut finir autrement que prévu.",
            "Prélever un échantillon ; regarder apports, gaz et température.",
        ),
    ),
    "normal_stuck": both(
        (
            "Scatter is gone",
            "The signal scatters far less than in good runs.",
            "It may be held or filtered; what happens is not seen.",
            "Check transmitter and link.",
        ),
        (
            "Dispersion disparue",
            "Le signal disperse bien moins que dans les bons lots.",
            "Il est peut-être figé ou filtré ; ce qui se passe n'est pas vu.",
            "Vérifier transmetteur et liaison.",
        ),
    ),
    "normal_noisy": both(
        (
            "Scatter has grown",
            "The signal scatters far more than in good runs.",
            "Its mean is less sure; a loop on it is restless.",
            "Check cable, earth and probe.",
        ),
        (
            "Dispersion accrue",
            "Le signal disperse bien plus que dans les bons lots.",
            "Sa moyenne est moins sûre ; une boucle dessus s'agite.",
            "Vérifier câble, terre et sonde.",
        ),
    ),
}
