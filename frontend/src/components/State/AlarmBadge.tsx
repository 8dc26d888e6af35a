import type { ProjectState } from "@/client/live";
import { counted } from "@/components/format";
import { StateBadge } from "./StateBadge";

/** Alarms that last and that nobody has acknowledged, the worst severity told by the colour; nothing where none. */
export function AlarmBadge({ alarms }: { alarms: ProjectState["alarms"] }) {
  const severe = alarms?.severe ?? 0;
  const all = severe + (alarms?.mild ?? 0);
  if (all === 0) return null;
  return <StateBadge state={severe > 0 ? "severe" : "mild"} word={counted(all, "alarm")} />;
}
