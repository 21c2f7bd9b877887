"""What a promise costs: the same batches with thresholds for several intervals between false alarms.

python -m benchmarks.curve_bench curve --jobs 2 --out CURVE.json
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

from twin.service import scorecard
from twin.service.campaign import Campaign, campaign_path, load_campaign

INTERVALS_H: Final = (100.0, 300.0, 1_000.0, 3_000.0, 10_000.0)
"""Times between false alarms that are promised [h]: 10 to 0.1 in 1,000 h."""


def at(campaign: Campaign, interval_h: float, jobs: int) -> dict[str, Any]:
    """The figures of a campaign at one promise."""
    parameters = {**campaign.base.parameters, "false_alarm_interval_h": interval_h}
    base = campaign.base.model_copy(update={"parameters": parameters})
    score = scorecard.run(campaign.model_copy(update={"base": base}), jobs)
    healthy, faulty = score["healthy"], score["faulty"]
    batches = faulty["batches"] - faulty["idle"]
    return {
        "interval_h": interval_h,
        "hours": healthy["hours"],
        "false_alarms_per_1000h": healthy["false_alarms_per_1000h"],
        "false_alarms_interval": healthy["false_alarms_interval"],
        "batches": batches,
        "missed": batches - faulty["told"],
        "beyond": faulty["false_alarms"],
        "median_delay_h": faulty["median_delay_h"],
        "verdict_accuracy": faulty["verdict_accuracy"],
    }


def main() -> None:
    """Print and keep the curve."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("campaign", nargs="?", default="curve")
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--out", type=Path, required=True)
    options = asked.parse_args()
    campaign, points = load_campaign(campaign_path(options.campaign)), []
    for interval_h in INTERVALS_H:
        points.append(at(campaign, interval_h, options.jobs))
        print(json.dumps(points[-1]), flush=True)
    options.out.write_text(json.dumps(points, indent=2))


if __name__ == "__main__":
    main()
