"""Texts of what the process models tell: name, cause, consequence, action; en and fr."""

from typing import Final

from twin.alarms.texts import Texts, both

MODEL_CAUSES: Final[dict[str, Texts]] = {
    "ph_probe_drift": both(
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
    "do_probe_fouling": both(
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
            "Comparer à une autre sonde ou à un échantillon ; nettoyer ou changer la membrane ; recalibrer.",
        ),
    ),
    "kla_loss": both(
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
    "aeration_loss": both(
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
    "feed_pump_failure": both(
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
    "base_line_blocked": both(
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
    "pco2_probe_drift": both(
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
    "conductivity_shift": both(
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
    "temperature_bias": both(
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
    "wrong_feed": both(
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
    "oxygen_demand_drop": both(
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
    "oxygen_demand_surge": both(
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
    "filter_fouling": both(
        (
            "Cell filter holds product back",
            "Less of the product passes into the harvest than before: the membrane fouls or is blocked.",
            "Product is lost to the bleed and stays in the vessel; yield of the harvest falls.",
            "Assay harvest and vessel again; look at the filter's pressure; backflush or replace the filter.",
        ),
        (
            "Le filtre à cellules retient le produit",
            "Il passe moins de produit dans la récolte qu'avant : la membrane s'encrasse ou se bouche.",
            "Du produit reste dans la cuve et part avec la purge ; le rendement de la récolte baisse.",
            "Comparer à nouveau récolte et cuve ; regarder la pression du filtre ; rétrolaver ou changer.",
        ),
    ),
    "harvest_pump_failure": both(
        (
            "Harvest is not what the pump reports",
            "The weight changes by another amount than feed, harvest and bleed as reported allow.",
            "Perfusion rate and yield are reckoned wrongly; the vessel may fill up or run low.",
            "Check pump head, tubing and flow meter of the harvest; weigh what leaves for some minutes.",
        ),
        (
            "La récolte n'est pas celle que la pompe annonce",
            "Le poids change autrement que ne le permettent alimentation, récolte et purge annoncées.",
            "Taux de perfusion et rendement sont mal comptés ; la cuve peut se remplir ou se vider.",
            "Vérifier pompe, tuyau et débitmètre de la récolte ; peser ce qui sort quelques minutes.",
        ),
    ),
    "culture_decline": both(
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
    "filter_reset": both(
        (
            "Twin started again",
            "The twin's belief failed its self-check and the last sound one was taken up again.",
            "Estimates are less certain for some hours; evidence for faults starts anew.",
            "Look at the readings of that time; nothing else when it stays single.",
        ),
        (
            "Jumeau relancé",
            "La croyance du jumeau a échoué à son autocontrôle ; la dernière saine a été reprise.",
            "Estimations moins sûres pendant quelques heures ; les indices de panne repartent de zéro.",
            "Regarder les mesures de ce moment ; rien d'autre si cela reste isolé.",
        ),
    ),
    "assay_too_late": both(
        (
            "Result too late for the twin",
            "The sample was drawn further back than the twin remembers, or before it began.",
            "The result is stored but does not enter the estimates.",
            "Enter results sooner.",
        ),
        (
            "Résultat trop tardif pour le jumeau",
            "L'échantillon est plus ancien que la mémoire du jumeau, ou antérieur à son début.",
            "Le résultat est enregistré mais n'entre pas dans les estimations.",
            "Saisir les résultats plus tôt.",
        ),
    ),
}
