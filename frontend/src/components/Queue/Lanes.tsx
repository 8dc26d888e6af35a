import { Progress, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { formatDuration } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import classes from "./Queue.module.css";
import type { Lane, Queue } from "./queue";

/** Each worker: what it does, since when, how far it is. */
export function Lanes({ project, queue }: { project: string; queue: Queue }) {
  const now = useSeconds();
  const busy = queue.lanes.filter((lane) => lane.tasks.length > 0).length;
  return (
    <section className={classes.card} aria-labelledby="lanes-title">
      <div className={classes.head}>
        <Text fw={600} component="h2" id="lanes-title">
          Workers
        </Text>
        {queue.lanes.length > 0 && (
          <Text size="sm" c="dimmed">
            {busy} of {queue.lanes.length} busy
          </Text>
        )}
      </div>
      {queue.lanes.length === 0 && (
        <Text size="sm" c="dimmed">
          {queue.engine ? "No worker has come yet." : "No engine runs. Start it with the command vitreous run, or from the search (Ctrl K)."}
        </Text>
      )}
      {queue.lanes.map((lane, place) => (
        <LaneLine key={lane.worker ?? `work-${place}`} project={project} lane={lane} now={now} titles={queue.titles} />
      ))}
      {Object.entries(queue.conditions).map(([name, text]) => (
        <StateBadge key={name} state="mild" word={text} />
      ))}
    </section>
  );
}

function LaneLine({ project, lane, now, titles }: { project: string; lane: Lane; now: number; titles: Record<string, string> }) {
  const first = lane.tasks[0];
  const more = lane.tasks.length - 1;
  return (
    <div className={classes.lane} role="group" aria-label={lane.worker ?? "work under way"}>
      <Text size="sm" truncate title={`${lane.worker ?? ""} ${lane.host ?? ""}`}>
        {lane.worker ?? "handed over"}
        {lane.kind === "gpu" ? " · GPU" : ""}
      </Text>
      <div style={{ minWidth: 0 }}>
        {first ? (
          <>
            <Text size="sm" truncate component={Link} to={`/p/${project}/queue?task=${first.job}-${first.item}`} c="inherit">
              {titles[first.job] ?? `J${first.job}`}: {first.name}
              {more > 0 ? ` and ${more} more` : ""}
            </Text>
            <Progress value={100 * (lane.fraction ?? 0)} size="sm" aria-label={`${lane.what || "work"} ${Math.round(100 * (lane.fraction ?? 0))} %`} />
          </>
        ) : (
          <Text size="sm" c="dimmed">
            free
          </Text>
        )}
      </div>
      <Text size="xs" c="dimmed" className="number" title={lane.what}>
        {lane.since ? formatDuration(now - lane.since) : ""}
      </Text>
    </div>
  );
}

/** The time in s, moving on each second. */
export function useSeconds(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
