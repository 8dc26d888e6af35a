import { Group, Skeleton, Tabs, Text, Title } from "@mantine/core";
import { useCallback, useState } from "react";
import { useSearchParams } from "react-router";
import { Fault } from "@/components/Fault/Fault";
import { formatCount } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useProjectKey } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { Failed } from "./Failed";
import { Lanes } from "./Lanes";
import { LogTable } from "./LogTable";
import { Next } from "./Next";
import classes from "./Queue.module.css";
import { parseTask, useQueue, type Queue } from "./queue";
import { TaskPanel } from "./TaskPanel";
import { TaskTable } from "./TaskTable";
import { Waiting } from "./Waiting";

const STATES = ["running", "ready", "waiting", "failed", "quarantined", "done"];

/** The queue: what runs, what comes, what waits for what, what failed; all tasks; the log. */
export function QueuePage() {
  const project = useProjectKey();
  const [tab, setTab] = useUrlState("tab", "now", false);
  const [task, setTask] = useUrlState("task", "", false);
  const [limit, setLimit] = useState(40);
  const { data, error, refetch } = useQueue(project, limit);
  const [, setParams] = useSearchParams();
  const open = useCallback((job: number, item: number) => setTask(`${job}-${item}`), [setTask]);
  const shown = parseTask(task);
  const showGroup = (job: number, text: string) => setParams({ tab: "tasks", job: String(job), text, state: "" });
  return (
    <div className={classes.page}>
      <Group gap="md" wrap="wrap">
        <Title order={1}>Queue</Title>
        {data && <Counts counts={data.counts} />}
      </Group>
      <Tabs value={tab} onChange={(value) => setTab(value ?? "now")} keepMounted={false} style={{ display: "flex", flexDirection: "column", flex: 1, minHeight: 0 }}>
        <Tabs.List>
          <Tabs.Tab value="now">Now</Tabs.Tab>
          <Tabs.Tab value="tasks">Tasks</Tabs.Tab>
          <Tabs.Tab value="log">Log</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="now" pt="sm" style={{ overflow: "auto", flex: 1 }}>
          {error && <Fault error={error} retry={() => void refetch()} />}
          {!data && !error && <Skeleton height={300} />}
          {data && <Now project={project} queue={data} onOpen={open} onMore={limit < 400 ? () => setLimit(limit + 120) : undefined} onShow={showGroup} />}
        </Tabs.Panel>
        <Tabs.Panel value="tasks" pt="sm" style={{ display: "flex", flexDirection: "column", gap: 8, flex: 1, minHeight: 0 }}>
          <TaskTable project={project} onOpen={open} open={task} />
        </Tabs.Panel>
        <Tabs.Panel value="log" pt="sm" style={{ display: "flex", flexDirection: "column", gap: 8, flex: 1, minHeight: 0 }}>
          <LogTable project={project} onOpen={open} />
        </Tabs.Panel>
      </Tabs>
      {shown && <TaskPanel project={project} job={shown[0]} item={shown[1]} close={() => setTask("")} />}
    </div>
  );
}

interface NowProps {
  project: string;
  queue: Queue;
  onOpen: (job: number, item: number) => void;
  onMore?: () => void;
  onShow: (job: number, text: string) => void;
}

function Now({ project, queue, onOpen, onMore, onShow }: NowProps) {
  return (
    <div className={classes.columns}>
      <div className={classes.stack}>
        <Lanes project={project} queue={queue} />
        <Next project={project} queue={queue} onMore={onMore} onOpen={(task) => onOpen(task.job, task.item)} />
      </div>
      <div className={classes.stack}>
        <Waiting project={project} queue={queue} />
        <Failed project={project} queue={queue} onOpen={onOpen} onShow={(reason) => onShow(reason.job, longestPart(reason.reason))} />
      </div>
    </div>
  );
}

/** The longest part of a reason without numbers and names: what all of the group have in common. */
function longestPart(reason: string): string {
  return reason.split(/[#…"\\]/).map((part) => part.trim()).sort((a, b) => b.length - a.length)[0] ?? "";
}

function Counts({ counts }: { counts: Record<string, number> }) {
  const known = STATES.filter((state) => counts[state]);
  if (known.length === 0) return <Text size="sm" c="dimmed">no tasks yet</Text>;
  return (
    <Group gap="md" role="status" aria-label="Tasks by state">
      {known.map((state) => <StateBadge key={state} state={state} word={`${formatCount(counts[state])} ${state}`} />)}
    </Group>
  );
}
