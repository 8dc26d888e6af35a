import { Text } from "@mantine/core";
import { useLive, useProjectState } from "@/client/live";
import { counted, formatBytes } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";

/** Engine, tasks, disk and what hinders: always in sight. */
export function StatusBar({ project }: { project: string }) {
  const { connected } = useLive();
  const state = useProjectState(project);
  if (!connected && !state) return <StateBadge state="waiting" word="connecting" />;
  if (!state) return <StateBadge state="waiting" word="looking" />;
  const { tasks, disk, conditions, workers } = state;
  const waiting = (tasks.waiting ?? 0) + (tasks.ready ?? 0);
  const bad = (tasks.failed ?? 0) + (tasks.quarantined ?? 0);
  return (
    <>
      {!connected && <StateBadge state="failed" word="connection lost, trying again" />}
      <StateBadge state={state.engine === "running" ? "running" : "stopped"} word={state.engine === "running" ? "engine runs" : "engine stopped"} />
      <Text size="xs" span>
        {counted(tasks.running ?? 0, "task")} running, {counted(waiting, "waiting", "waiting")}
        {workers.length > 0 && `, ${counted(workers.length, "worker")}`}
      </Text>
      {bad > 0 && <StateBadge state="failed" word={`${counted(bad, "task")} failed`} />}
      <Text size="xs" span>
        {formatBytes(disk.free)} free
      </Text>
      {Object.values(conditions).map((text) => (
        <StateBadge key={text} state="mild" word={text} />
      ))}
    </>
  );
}
