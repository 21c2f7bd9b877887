"""Texts of what signals, limits and links tell: name, cause, consequence, action; en and fr."""

from typing import Final

from twin.alarms.texts import Texts, both

SIGNAL_CAUSES: Final[dict[str, Texts]] = {
    "dead_channel": both(
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
    "end_of_range": both(
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
    "frozen_value": both(
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
    "quiet_process": both(
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
    "scatter_burst": both(
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
    "scatter_collapse": both(
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
    "restless_process": both(
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
    "no_signal": both(
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
    "signals_lost_together": both(
        (
            "Several signals lost together",
            "They fell silent at the same time: a wire, a gateway or a power supply they share.",
            "The twin goes on without them and its bands grow; limits on them are blind.",
            "Check the link on the diagnostics page, then what these signals share.",
        ),
        (
            "Plusieurs signaux perdus ensemble",
            "Ils se sont tus en même temps : un câble, une passerelle ou une alimentation commune.",
            "Le jumeau continue sans eux et ses bandes s'élargissent ; leurs seuils sont aveugles.",
            "Vérifier la liaison sur la page diagnostic, puis ce que ces signaux partagent.",
        ),
    ),
    "signals_never_heard": both(
        (
            "Several signals never sent a value",
            "The tags are in the line file, but no value of them came since the start.",
            "The twin works without them; limits on them are blind.",
            "Name only the tags that are there (only: in the line file), or check addresses and wire.",
        ),
        (
            "Plusieurs signaux jamais reçus",
            "Les tags figurent dans le fichier de ligne, mais aucune valeur n'est venue depuis le démarrage.",
            "Le jumeau travaille sans eux ; leurs seuils sont aveugles.",
            "Ne nommer que les tags présents (only: dans le fichier de ligne), ou vérifier adresse et câble.",
        ),
    ),
    "never_heard": both(
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
    "values_missing": both(
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
    "spikes": both(
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
    "limit_low_low": both(
        ("Far too low", "The value passed its lowest limit.", "The product is at risk.", "Act at once."),
        ("Beaucoup trop bas", "Seuil très bas franchi.", "Le produit est en danger.", "Agir immédiatement."),
    ),
    "limit_low": both(
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
    "limit_high": both(
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
    "limit_high_high": both(
        ("Far too high", "The value passed its highest limit.", "The product is at risk.", "Act at once."),
        (
            "Beaucoup trop haut",
            "Seuil très haut franchi.",
            "Le produit est en danger.",
            "Agir immédiatement.",
        ),
    ),
    "link": both(
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
    "store": both(
        (
            "Nothing can be kept",
            "A store takes no rows: its disk is full, or it does not answer.",
            "Values wait unstored; alarms may be missing and notices may not go out.",
            "Make room on the disk of this store, or start its server; what waits is then kept by itself.",
        ),
        (
            "Rien ne peut être conservé",
            "Un stockage ne prend plus rien : son disque est plein, ou il ne répond pas.",
            "Les valeurs attendent ; des alarmes peuvent manquer et des avis ne pas partir.",
            "Libérer le disque de ce stockage, ou démarrer son serveur ; la suite se fait seule.",
        ),
    ),
    "store_back": both(
        (
            "The store takes rows again",
            "A store took nothing for a time; now it does.",
            "What waited is kept.",
            "See on the diagnostics page whether every value is accounted for.",
        ),
        (
            "Le stockage conserve de nouveau",
            "Un stockage n'a rien pris pendant un temps ; il prend de nouveau.",
            "Ce qui attendait est conservé.",
            "Voir à la page Diagnostic si le compte des valeurs est bon.",
        ),
    ),
    "fallback": both(
        (
            "Fallback could not be written",
            "The dead-man time of a set point is over, and the plant does not take its fallback.",
            "The value that was written last may still stand, and nobody watches over it.",
            "Set it at the controller, and mend the link; it is tried again every minute at the least.",
        ),
        (
            "Valeur de repli non écrite",
            "Le délai de veille d'une consigne est passé, et sa valeur de repli n'est pas prise.",
            "La dernière valeur écrite est peut-être encore en place, et personne ne veille sur elle.",
            "La régler au contrôleur, et rétablir la liaison ; un essai suit au moins chaque minute.",
        ),
    ),
    "fallback_back": both(
        (
            "Set point is watched again",
            "A fallback could not be written for a time; now it is, or the command was given again.",
            "Until then the value that was written before may have stood.",
            "See in the audit trail when it was written, and what the culture did meanwhile.",
        ),
        (
            "Consigne de nouveau surveillée",
            "La valeur de repli n'a pu être écrite un temps ; elle l'est, ou la consigne est redonnée.",
            "Jusque-là, la valeur écrite auparavant est peut-être restée en place.",
            "Voir au journal d'audit quand elle a été écrite, et ce que la culture a fait entre-temps.",
        ),
    ),
    "link_back": both(
        (
            "Link is up again",
            "The source did not answer for a time; now it does.",
            "What it kept meanwhile is fetched; what it did not keep is missing.",
            "See on the diagnostics page whether gaps were filled; if it comes back, look at the network.",
        ),
        (
            "Liaison rétablie",
            "La source n'a pas répondu pendant un temps ; elle répond de nouveau.",
            "Ce qu'elle a gardé est repris ; ce qu'elle n'a pas gardé manque.",
            "Voir à la page Diagnostic si les trous sont comblés ; si cela revient, examiner le réseau.",
        ),
    ),
}
