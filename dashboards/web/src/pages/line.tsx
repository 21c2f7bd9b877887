// L1: is anything wrong, and where.
import { AlarmList } from "../parts/alarm-list";
import { Flow } from "../parts/flow";
import { Strip } from "../parts/strip";
import { VesselCard } from "../parts/vessel-card";
import { piped, stages } from "../state/flow";
import { line } from "../state/live";
import { wall } from "../state/wall";
import { t } from "../text/language";

const FEW = 4;
const ROWS = 10;
/** Alarms that a wall has room for; the list counts the others. */
const WALL_ROWS = 3;

export function LinePage() {
  const vessels = line.value?.vessels ?? [];
  if (vessels.length === 0) return <p class="empty">{t("empty.line")}</p>;
  const flows = piped(vessels);
  const across = flows ? stages(vessels).length : vessels.length;
  const few = flows ? across <= FEW : vessels.length <= FEW;
  const classes = ["overview", few ? "" : flows ? "long" : "many", vessels.length > 12 ? "crowd" : ""];
  return (
    <div class={classes.filter(Boolean).join(" ")}>
      {flows ? (
        <Flow vessels={vessels} sparks={few && !wall.value && vessels.length <= FEW} />
      ) : (
        <div class="vessels">
          {vessels.map((each) => (
            <VesselCard key={each.id} vessel={each} sparks={few && !wall.value} />
          ))}
        </div>
      )}
      <AlarmList most={wall.value ? WALL_ROWS : ROWS} />
      <Strip />
    </div>
  );
}
