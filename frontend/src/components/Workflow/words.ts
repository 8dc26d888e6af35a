/** A job in a few words, and which picture shows its last result. */
import { formatCount, UNKNOWN } from "@/components/format";
import type { JobLine } from "@/components/Job/queries";

/** A small picture of the last result: slot that the job gives → view of the item. */
const PICTURES: [string, string][] = [["ctf", "thon"], ["motion", "trajectory"], ["micrograph", "after"]];

export function pictureOf(job: JobLine): string | null {
  return PICTURES.find(([slot]) => job.gives.includes(slot))?.[1] ?? null;
}

/** How many have come, and how many have gone on. */
export function flowText(job: JobLine): string {
  if (job.scope === "source") return `${formatCount(job.given.items ?? 0)} in`;
  if (job.scope === "decision") {
    const kept = job.given.items;
    if (kept === undefined && Object.keys(job.given).length === 0) return `${formatCount(job.total)} → ${UNKNOWN}`;
    if (job.outputs.includes("rejected")) return `${formatCount(kept ?? 0)} kept, ${formatCount(job.given.rejected ?? 0)} rejected`;
    return Object.entries(job.given).map(([name, count]) => `${name.replace("_", " ")} ${formatCount(count)}`).join(", ");
  }
  if (job.scope === "set") return job.counts.done ? "one result for all" : "all together";
  return `${formatCount(job.total)} → ${formatCount(job.given.items ?? 0)}`;
}

/** "watching", "stopped" for imports; the state's own word otherwise. */
export function stateText(job: JobLine): string | undefined {
  if (job.scope === "source") return job.state === "active" ? "watching" : job.state === "stopped" ? "not watching" : undefined;
  if (job.state === "draft") return job.counts.done ? "draft, not run yet" : "draft";
  return undefined;
}
