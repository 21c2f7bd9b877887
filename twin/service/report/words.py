"""Words of the batch report that the message catalogue does not have, in English and French."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Batch report", "Rapport de lot"),
    "head": ("Batch", "Lot"),
    "line": ("Line", "Ligne"),
    "site": ("Site", "Site"),
    "unit": ("Unit", "Unité"),
    "batch": ("Batch", "Lot"),
    "origin": ("Origin of the data", "Origine des données"),
    "origin.plant": ("plant", "installation"),
    "origin.simulated": ("simulated data", "données simulées"),
    "origin.replay": ("replayed data", "données rejouées"),
    "inoculation": ("Inoculation", "Inoculation"),
    "planned": ("Planned duration", "Durée prévue"),
    "from": ("Data from", "Données du"),
    "to": ("Data to", "Données au"),
    "age": ("Batch age at the end", "Âge du lot à la fin"),
    "by": ("Made for", "Établi pour"),
    "software": ("Made by", "Établi par"),
    "line_file": ("Line file, SHA-256", "Fichier de ligne, SHA-256"),
    "model": ("Process model", "Modèle de procédé"),
    "parameters": ("parameters", "paramètres"),
    "none": ("none", "aucun"),
    "trends": ("Trends", "Courbes"),
    "trends.text": (
        "Blue: stored values. Orange: what the twin held to be true, with its 95 % band. "
        "Dashed: alarm limits.",
        "Bleu : valeurs enregistrées. Orange : ce que le jumeau tenait pour vrai, avec sa bande à 95 %. "
        "Tirets : seuils d'alarme.",
    ),
    "trends.age": ("Time is batch age.", "Le temps est l'âge du lot."),
    "trends.hours": ("Time is hours from the begin.", "Le temps est en heures depuis le début."),
    "values": ("Stored values and limits", "Valeurs enregistrées et seuils"),
    "tag": ("Tag", "Signal"),
    "limits": ("Limits", "Seuils"),
    "least": ("Least", "Minimum"),
    "mean": ("Mean", "Moyenne"),
    "most": ("Most", "Maximum"),
    "rows": ("Stored", "Enregistrées"),
    "not_good": ("Not good", "Non bonnes"),
    "outside": ("Outside", "Hors seuils"),
    "excursions": ("Excursions", "Écarts aux seuils"),
    "excursions.none": ("No limit alarm in this time.", "Aucune alarme de seuil pendant cette période."),
    "findings": ("Findings", "Constats"),
    "findings.none": ("Nothing was found in this time.", "Rien n'a été constaté pendant cette période."),
    "told.text": (
        "Onset: when it began, as estimated. Detected: when it was first told, suspected or confirmed; what "
        "is only suspected is no alarm yet.",
        "Début : quand cela a commencé, estimé. Détecté : quand cela a été dit pour la première fois, "
        "soupçonné ou confirmé ; ce qui n'est que soupçonné n'est pas encore une alarme.",
    ),
    "told": ("Detected (UTC)", "Détecté (UTC)"),
    "finding": ("Finding", "Constat"),
    "verdict": ("Verdict", "Verdict"),
    "since": ("Onset (UTC)", "Début (UTC)"),
    "size": ("Size", "Ampleur"),
    "stage": ("Stage", "Stade"),
    "ended": ("Ended (UTC)", "Terminé (UTC)"),
    "stands": ("stands", "en cours"),
    "evidence": ("Evidence", "Indices"),
    "alarms": ("Alarms", "Alarmes"),
    "alarms.text": (
        "Onset: as above, of the newest occurrence. Annunciated: when the alarm called for attention "
        "(ISA-18.2), so after its delay or once it was confirmed, and again when it came back. State: at the "
        "end of the data.",
        "Début : comme ci-dessus, de la dernière occurrence. Annoncée : quand l'alarme a appelé l'attention "
        "(ISA-18.2), donc après sa temporisation ou une fois confirmée, et de nouveau à son retour. État : "
        "à la fin des données.",
    ),
    "annunciated": ("Annunciated (UTC)", "Annoncée (UTC)"),
    "never": ("not annunciated", "non annoncée"),
    "times": ("times, last", "fois, la dernière"),
    "alarms.none": ("No alarm in this time.", "Aucune alarme pendant cette période."),
    "alarm": ("Alarm", "Alarme"),
    "priority": ("Priority", "Priorité"),
    "state": ("State", "État"),
    "handling": ("Handling of alarms", "Traitement des alarmes"),
    "handling.none": ("No alarm changed its state.", "Aucune alarme n'a changé d'état."),
    "time": ("Time (UTC)", "Heure (UTC)"),
    "what": ("What", "Action"),
    "who": ("By", "Par"),
    "why": ("Reason", "Motif"),
    "until": ("until", "jusqu'au"),
    "remark.comment": ("comment", "commentaire"),
    "remark.not_so": ("marked as not so", "contesté"),
    "samples": ("Samples", "Échantillons"),
    "samples.none": (
        "No laboratory result in this time.",
        "Aucun résultat de laboratoire pendant cette période.",
    ),
    "samples.text": (
        "Beside each result what the twin held to be true at most 30 min from when the sample was drawn, "
        "with 1.96 standard deviations. The twin may have learnt from the result itself; from one of bad "
        "quality it learns nothing.",
        "À côté de chaque résultat, ce que le jumeau tenait pour vrai à 30 min au plus du prélèvement, avec "
        "1,96 écart type. Le jumeau a pu tenir compte du résultat lui-même ; d'un résultat de mauvaise "
        "qualité il n'apprend rien.",
    ),
    "quality.uncertain": ("quality uncertain", "qualité incertaine"),
    "quality.bad": ("quality bad", "mauvaise qualité"),
    "quality.stale": ("stale", "périmé"),
    "drawn": ("Drawn (UTC)", "Prélevé (UTC)"),
    "result": ("Result", "Résultat"),
    "estimate": ("Twin", "Jumeau"),
    "difference": ("Difference", "Écart"),
    "interventions": ("Interventions", "Interventions"),
    "interventions.none": (
        "No calibration, value by hand or command was recorded.",
        "Aucun étalonnage, valeur saisie ou commande n'a été consigné.",
    ),
    "calibration": ("calibrated", "étalonné"),
    "sample": ("laboratory value by hand", "valeur de laboratoire saisie"),
    "command.asked": ("set point asked", "consigne demandée"),
    "command.taken": ("set point taken", "consigne acceptée"),
    "command.failed": ("set point failed", "consigne en échec"),
    "command.refused": ("set point refused", "consigne refusée"),
    "counters": ("Conservation of values", "Conservation des valeurs"),
    "counters.text": (
        "Counted in the stores, for this unit and time. Repetitions of stored values are counted by the "
        "running service only.",
        "Compté dans les bases, pour cette unité et cette période. Les répétitions de valeurs enregistrées "
        "ne sont comptées que par le service en marche.",
    ),
    "count": ("Count", "Nombre"),
    "counters.stored": ("stored", "enregistrées"),
    "counters.good": ("of these with quality good", "dont de bonne qualité"),
    "counters.late": ("of these late", "dont en retard"),
    "counters.refused": ("refused, kept with the reason", "refusées, gardées avec le motif"),
    "counters.strange": (
        "refused on this line, of no known tag",
        "refusées sur cette ligne, d'aucun signal connu",
    ),
    "trail": (
        "Newest entry of the audit trail",
        "Dernière entrée de la piste d'audit",
    ),
    "signatures": ("Signatures", "Signatures"),
    "signatures.text": (
        "To be signed on paper or by the electronic signature of another system.",
        "À signer sur papier ou par la signature électronique d'un autre système.",
    ),
    "made": ("Made", "Établi"),
    "reviewed": ("Reviewed", "Vérifié"),
    "approved": ("Approved", "Approuvé"),
    "role": ("Meaning", "Portée"),
    "name": ("Name", "Nom"),
    "date": ("Date", "Date"),
    "signature": ("Signature", "Signature"),
    "hash": ("SHA-256 of the content", "SHA-256 du contenu"),
    "hash.text": (
        "Over everything above, as HTML and as PDF alike; made again from the same stores it is the same.",
        "Sur tout ce qui précède, en HTML comme en PDF ; refait à partir des mêmes bases, il est le même.",
    ),
    "page": ("Page", "Page"),
}


def words(language: str) -> dict[str, str]:
    """Every text by key in one language, French signs kept with the word before them."""
    if language == "en":
        return {key: en for key, (en, _) in TEXTS.items()}
    spaced = {key: fr for key, (_, fr) in TEXTS.items()}
    for sign in ":;?!%":
        spaced = {key: text.replace(f" {sign}", f"\u202f{sign}") for key, text in spaced.items()}
    return spaced
