"""Texts of every cause and every piece of evidence: name, cause, consequence, action; en and fr."""

from typing import Final

Texts = dict[str, dict[str, str]]


def _both(en: tuple[str, str, str, str], fr: tuple[str, str, str, str]) -> Texts:
    parts = ("name", "cause", "consequence", "action")
    return {"en": dict(zip(parts, en, strict=True)), "fr": dict(zip(parts, fr, strict=True))}


CAUSES: Final[dict[str, Texts]] = {
    "ph_probe_drift": _both(
        (
            "pH probe is drifting",
            "The pH reading departs from what pCO2, base and acid balance allow.",
            "The pH loop follows the probe: the true pH leaves its set point by the same amount.",
            "Take a sample and compare; put pH control on hold; recalibrate or replace the probe.",
        ),
        (
            "La sonde pH dérive",
            "Le pH lu s'écarte de ce que permettent pCO2, base et bilan acide.",
            "La boucle pH suit la sonde : le vrai pH quitte sa consigne d'autant.",
            "Prélever et comparer ; mettre la régulation pH en attente ; recalibrer ou remplacer la sonde.",
        ),
    ),
    "do_probe_fouling": _both(
        (
            "pO2 probe loses sensitivity",
            "The pO2 reading falls against oxygen uptake and transfer: fouled or ageing membrane.",
            "The oxygen loop gives more oxygen than needed; the true pO2 rises.",
            "Compare with a second probe or a sample; clean or replace the membrane; recalibrate.",
        ),
        (
            "La sonde pO2 perd en sensibilité",
            "La pO2 lue baisse par rapport à la consommation et au transfert : membrane encrassée ou usée.",
            "La boucle d'oxygène en apporte trop ; la vraie pO2 monte.",
            "Comparer à une seconde sonde ; nettoyer ou remplacer la membrane ; recalibrer.",
        ),
    ),
    "kla_loss": _both(
        (
            "Oxygen transfer fell",
            "Less oxygen and CO2 pass from bubbles to broth at the same gas and stirrer.",
            "The oxygen loop needs more oxygen; once it has no more to give, pO2 falls and CO2 builds up.",
            "Check antifoam doses, sparger and stirrer; watch the oxygen fraction left in reserve.",
        ),
        (
            "Le transfert d'oxygène a chuté",
            "Moins d'oxygène et de CO2 passent des bulles au milieu, à gaz et agitation égaux.",
            "La boucle demande plus d'oxygène ; à bout de réserve, la pO2 chute et le CO2 s'accumule.",
            "Vérifier l'antimousse, le diffuseur et l'agitateur ; surveiller la réserve d'oxygène.",
        ),
    ),
    "aeration_loss": _both(
        (
            "Air does not arrive",
            "The flow meter shows its flow, but the exit gas and the transfer say that part is lost.",
            "Less oxygen is supplied and less CO2 is carried away.",
            "Look for a leak after the flow meter: tubing, filter, sparger connection.",
        ),
        (
            "L'air n'arrive pas",
            "Le débitmètre affiche son débit, mais gaz de sortie et transfert disent qu'une part se perd.",
            "Moins d'oxygène apporté, moins de CO2 évacué.",
            "Chercher une fuite après le débitmètre : tuyau, filtre, raccord du diffuseur.",
        ),
    ),
    "feed_pump_failure": _both(
        (
            "Feed is not delivered as reported",
            "The feed bottle's scale loses another amount than the pump reports.",
            "The culture gets too little or too much feed; glucose will leave its range.",
            "Check pump head, tubing and valves; set the feed by the scale; take a glucose sample.",
        ),
        (
            "L'alimentation n'est pas délivrée comme annoncé",
            "La balance du flacon perd une autre quantité que celle annoncée par la pompe.",
            "La culture reçoit trop peu ou trop d'alimentation ; le glucose sortira de sa plage.",
            "Vérifier tête de pompe, tuyau et vannes ; doser à la balance ; mesurer le glucose.",
        ),
    ),
    "base_line_blocked": _both(
        (
            "Base does not arrive",
            "The base pump reports flow, but scale, pH and conductivity do not answer.",
            "pH falls while the controller asks for more; when the line opens again, it overshoots.",
            "Check the base line: clamp, kinked tube, empty bottle, blocked inlet; limit the controller.",
        ),
        (
            "La base n'arrive pas",
            "La pompe de base annonce un débit, mais balance, pH et conductivité ne réagissent pas.",
            "Le pH baisse tandis que le régulateur insiste ; à la réouverture, il dépassera.",
            "Vérifier la ligne de base : pince, tuyau plié, flacon vide, entrée bouchée ; limiter la boucle.",
        ),
    ),
    "pco2_probe_drift": _both(
        (
            "pCO2 probe is drifting",
            "The pCO2 reading departs from pH, alkalinity and the CO2 of the exit gas.",
            "Decisions on stripping and overlay rest on a wrong value; control is not affected.",
            "Compare with an off-line blood-gas value; recalibrate the probe.",
        ),
        (
            "La sonde pCO2 dérive",
            "La pCO2 lue s'écarte du pH, de l'alcalinité et du CO2 du gaz de sortie.",
            "Les décisions de dégazage reposent sur une valeur fausse ; la régulation n'est pas touchée.",
            "Comparer à une mesure hors ligne ; recalibrer la sonde.",
        ),
    ),
    "conductivity_shift": _both(
        (
            "Conductivity reading shifted",
            "The reading jumped without any addition that could explain it: film, bubble or cell constant.",
            "Feed and base mix-ups may go unseen.",
            "Check the probe for bubbles and deposits; calibrate with a KCl standard.",
        ),
        (
            "La conductivité lue s'est décalée",
            "La valeur a sauté sans ajout qui l'explique : film, bulle ou constante de cellule.",
            "Une confusion de poche ou de base pourrait passer inaperçue.",
            "Chercher bulles et dépôts ; étalonner avec un KCl de référence.",
        ),
    ),
    "temperature_bias": _both(
        (
            "Temperature reading is off",
            "The reading does not fit the heat given through the jacket.",
            "The temperature loop holds the wrong temperature; growth and gas solubility change.",
            "Compare with a second thermometer; check the sensor's seat in its well.",
        ),
        (
            "La température lue est fausse",
            "La valeur ne correspond pas à la chaleur apportée par la double enveloppe.",
            "La boucle tient une mauvaise température ; croissance et solubilités changent.",
            "Comparer à un second thermomètre ; vérifier la sonde dans son doigt de gant.",
        ),
    ),
    "wrong_feed": _both(
        (
            "Feed is not what it should be",
            "Conductivity and weight move together as no known feed would move them.",
            "The culture gets the wrong medium; salts rise, nutrients run short.",
            "Stop the feed; compare the bag's label with the recipe; sample the feed line.",
        ),
        (
            "L'alimentation n'est pas la bonne",
            "Conductivité et poids évoluent ensemble comme aucun milieu prévu ne le ferait.",
            "La culture reçoit un mauvais milieu ; les sels montent, les nutriments manquent.",
            "Arrêter l'alimentation ; comparer l'étiquette à la recette ; prélever sur la ligne.",
        ),
    ),
    "oxygen_demand_drop": _both(
        (
            "Oxygen demand fell",
            "The culture takes up less oxygen than its cells should: starvation, poisoning or dying cells.",
            "Viability falls within hours if the cause stays.",
            "Measure glucose and viability now; check the feed.",
        ),
        (
            "La demande en oxygène a chuté",
            "La culture consomme moins d'oxygène que ses cellules ne devraient : carence, toxicité ou mort.",
            "La viabilité baissera en quelques heures si la cause demeure.",
            "Mesurer glucose et viabilité maintenant ; vérifier l'alimentation.",
        ),
    ),
    "oxygen_demand_surge": _both(
        (
            "Oxygen demand surges",
            "Oxygen uptake grows faster than these cells can grow: contamination is possible.",
            "A contaminant takes over within hours; oxygen and base run out.",
            "Sample for microscopy and Gram stain; prepare to isolate the vessel.",
        ),
        (
            "La demande en oxygène s'emballe",
            "La consommation croît plus vite que ces cellules ne le peuvent : contamination possible.",
            "Un contaminant prend le dessus en quelques heures ; oxygène et base s'épuisent.",
            "Prélever pour microscopie et Gram ; se préparer à isoler la cuve.",
        ),
    ),
    "culture_decline": _both(
        (
            "Culture is dying",
            "Viable cells fall faster than growth, harvest and ageing explain.",
            "Titre stops rising; released cell contents burden purification.",
            "Confirm with a second count; check feed, glucose, pH and temperature; consider harvest.",
        ),
        (
            "La culture meurt",
            "Les cellules viables chutent plus vite que croissance et vieillissement ne l'expliquent.",
            "Le titre ne monte plus ; le contenu libéré charge la purification.",
            "Confirmer par un second comptage ; vérifier alimentation, glucose, pH ; envisager la récolte.",
        ),
    ),
    "dead_channel": _both(
        (
            "Channel is dead",
            "It reports a value that can not be, such as an exact zero out of nowhere.",
            "The value is not believed; loops and limits on it are blind.",
            "Check probe, cable and transmitter; put the loop on hold.",
        ),
        (
            "Voie morte",
            "Elle rapporte une valeur impossible, comme un zéro exact venu de nulle part.",
            "La valeur n'est pas crue ; boucles et seuils sont aveugles.",
            "Vérifier sonde, câble et transmetteur ; mettre la boucle en attente.",
        ),
    ),
    "end_of_range": _both(
        (
            "At the end of its range",
            "The value came to the end of what the channel can show and stays there.",
            "The true value may lie beyond; it is doubted, not believed.",
            "Compare with another measurement; check the range of the transmitter.",
        ),
        (
            "En butée de plage",
            "La valeur a atteint le bout de ce que la voie peut montrer et y reste.",
            "La vraie valeur est peut-être au-delà ; elle est mise en doute.",
            "Comparer à une autre mesure ; vérifier la plage du transmetteur.",
        ),
    ),
    "frozen_value": _both(
        (
            "Value is frozen",
            "It has not moved for far longer than it usually rests.",
            "What happens since is not seen; a loop on it acts blindly.",
            "Check the transmitter and its link; restart it if it hangs.",
        ),
        (
            "Valeur figée",
            "Elle ne bouge plus depuis bien plus longtemps que d'habitude.",
            "Ce qui se passe depuis n'est pas vu ; une boucle agit en aveugle.",
            "Vérifier le transmetteur et sa liaison ; le redémarrer s'il est bloqué.",
        ),
    ),
    "quiet_process": _both(
        (
            "Nothing happens",
            "The quantity itself may really stand still.",
            "None, when the process is at rest.",
            "Compare with a related measurement.",
        ),
        (
            "Rien ne bouge",
            "La grandeur elle-même est peut-être vraiment immobile.",
            "Aucune, si le procédé est au repos.",
            "Comparer à une mesure voisine.",
        ),
    ),
    "scatter_burst": _both(
        (
            "Scatter grew",
            "The value scatters far more than it used to: electrical noise, bubbles, loose contact.",
            "Single values can not be relied on; control becomes restless.",
            "Check cable, earthing and position of the probe.",
        ),
        (
            "Dispersion en hausse",
            "La valeur se disperse bien plus qu'avant : parasites, bulles, faux contact.",
            "Une valeur isolée n'est plus fiable ; la régulation s'agite.",
            "Vérifier câble, terre et position de la sonde.",
        ),
    ),
    "scatter_collapse": _both(
        (
            "Scatter collapsed",
            "The value scatters far less than it used to: a filter was changed, or the probe hangs.",
            "It may follow the process late or not at all.",
            "Check filter settings of the transmitter; test the probe's response.",
        ),
        (
            "Dispersion effondrée",
            "La valeur se disperse bien moins qu'avant : filtre modifié ou sonde bloquée.",
            "Elle suit peut-être le procédé en retard, ou plus du tout.",
            "Vérifier les filtres du transmetteur ; tester la réponse de la sonde.",
        ),
    ),
    "restless_process": _both(
        (
            "Process is restless",
            "The quantity itself may really swing: a loop that oscillates, pulses of feed.",
            "Wear of valves and pumps; the culture sees the swings.",
            "Look at the loop's output; retune it or slow it down.",
        ),
        (
            "Procédé agité",
            "La grandeur oscille peut-être vraiment : boucle instable, alimentation par à-coups.",
            "Usure des vannes et pompes ; la culture subit les oscillations.",
            "Regarder la sortie de la boucle ; la régler ou la ralentir.",
        ),
    ),
    "no_signal": _both(
        (
            "Signal lost",
            "No value came for longer than the tag allows.",
            "The twin goes on without it and its bands grow; limits on it are blind.",
            "Check the link on the diagnostics page, then the transmitter.",
        ),
        (
            "Signal perdu",
            "Aucune valeur depuis plus longtemps que permis.",
            "Le jumeau continue sans elle et ses bandes s'élargissent ; ses seuils sont aveugles.",
            "Vérifier la liaison sur la page diagnostic, puis le transmetteur.",
        ),
    ),
    "never_heard": _both(
        (
            "Never heard of",
            "The tag is in the line file, but no value of it ever came.",
            "The twin works without it.",
            "Check the tag's address in the line file and at the source.",
        ),
        (
            "Jamais reçu",
            "Le tag figure dans le fichier de ligne, mais aucune valeur n'est jamais venue.",
            "Le jumeau travaille sans lui.",
            "Vérifier son adresse dans le fichier de ligne et à la source.",
        ),
    ),
    "values_missing": _both(
        (
            "Values are missing",
            "Between two values there is a hole longer than the tag allows.",
            "What happened in between is not known here.",
            "Nothing, if the source fills the hole; else look at the link.",
        ),
        (
            "Valeurs manquantes",
            "Entre deux valeurs, un trou plus long que permis.",
            "Ce qui s'est passé entre-temps n'est pas connu ici.",
            "Rien, si la source comble le trou ; sinon voir la liaison.",
        ),
    ),
    "spikes": _both(
        (
            "Spikes",
            "Single values lie far from their neighbours: electrical noise, bubbles, loose contact.",
            "They are not believed; many of them hide the signal.",
            "Check cable and earthing; look for bubbles on the probe.",
        ),
        (
            "Pics",
            "Des valeurs isolées sont loin de leurs voisines : parasites, bulles, faux contact.",
            "Elles ne sont pas crues ; trop nombreuses, elles cachent le signal.",
            "Vérifier câble et terre ; chercher des bulles sur la sonde.",
        ),
    ),
    "limit_low_low": _both(
        ("Far too low", "The value passed its lowest limit.", "The product is at risk.", "Act at once."),
        ("Beaucoup trop bas", "Seuil très bas franchi.", "Le produit est en danger.", "Agir immédiatement."),
    ),
    "limit_low": _both(
        (
            "Too low",
            "The value passed its low limit.",
            "The process leaves its range.",
            "See what the loop does; compare with the twin's band.",
        ),
        (
            "Trop bas",
            "Seuil bas franchi.",
            "Le procédé quitte sa plage.",
            "Voir ce que fait la boucle ; comparer à la bande du jumeau.",
        ),
    ),
    "limit_high": _both(
        (
            "Too high",
            "The value passed its high limit.",
            "The process leaves its range.",
            "See what the loop does; compare with the twin's band.",
        ),
        (
            "Trop haut",
            "Seuil haut franchi.",
            "Le procédé quitte sa plage.",
            "Voir ce que fait la boucle ; comparer à la bande du jumeau.",
        ),
    ),
    "limit_high_high": _both(
        ("Far too high", "The value passed its highest limit.", "The product is at risk.", "Act at once."),
        (
            "Beaucoup trop haut",
            "Seuil très haut franchi.",
            "Le produit est en danger.",
            "Agir immédiatement.",
        ),
    ),
    "link": _both(
        (
            "Link is down",
            "The source does not answer.",
            "Nothing of it is seen; what it kept is fetched when it is back.",
            "Check the server or broker and the network between.",
        ),
        (
            "Liaison coupée",
            "La source ne répond pas.",
            "Rien n'en est vu ; ce qu'elle garde sera repris à son retour.",
            "Vérifier le serveur ou le broker et le réseau entre deux.",
        ),
    ),
}

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
    "cell_balance": {
        "en": "counts disagree with growth and ageing",
        "fr": "les comptages contredisent croissance et vieillissement",
    },
    "signal.dead": {"en": "impossible values in a row", "fr": "valeurs impossibles à la suite"},
    "signal.frozen": {"en": "no change for far too long", "fr": "aucun changement depuis trop longtemps"},
    "signal.spike": {"en": "values far from their neighbours", "fr": "valeurs loin de leurs voisines"},
    "signal.noise": {"en": "scatter against its own past", "fr": "dispersion comparée à son passé"},
    "signal.signal_lost": {"en": "silence longer than allowed", "fr": "silence plus long que permis"},
    "signal.gap": {"en": "a hole between two values", "fr": "un trou entre deux valeurs"},
}
