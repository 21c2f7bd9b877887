// L1: is anything wrong, and where.
import { AlarmList } from "../parts/alarm-list";
import { Strip } from "../parts/strip";
import { VesselCard } from "../parts/vessel-card";
import { line } from "../state/live";
import { t } from "../text/language";

export function LinePage() {
  const vessels = line.value?.vessels ?? [];
  if (vessels.length === 0) return <p class="empty">{t("empty.line")}</p>;
  return (
    <div class={vessels.length > 4 ? "overview many" : "overview"}>
      <div class="vessels">
        {vessels.map((each) => (
          <VesselCard key={each.id} vessel={each} sparks={vessels.length <= 4} />
        ))}
      </div>
      <AlarmList />
      <Strip />
    </div>
  );
}
