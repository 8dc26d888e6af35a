import { Anchor, Text, Tooltip } from "@mantine/core";
import { Link } from "react-router";
import { useLive, useProjectState, type ProjectState } from "@/client/live";
import { counted, formatBytes, formatCount, formatDuration, UNKNOWN } from "@/components/format";
import { AlarmBadge } from "@/components/State/AlarmBadge";
import { StateBadge } from "@/components/State/StateBadge";
import { EngineMenu } from "./EngineMenu";
import { useMachine } from "./engine";

/** Conditions that hinder; the others only tell what an import is doing. */
const HINDERS = new Set(["disk", "workers"]);

/** h until the disk is full below which the bar says so; above, only its tooltip does. */
const SHORT_HOURS = 72;

/** Engine, tasks, processor, disk and what hinders: always in sight. */
export function StatusBar({ project }: { project: string }) {
  const { connected, lost, faults } = useLive();
  const state = useProjectState(project);
  if (lost && !state) return <StateBadge state="failed" word="connection lost, trying again" />;
  if (!state && faults[project]) return <StateBadge state="failed" word={faults[project]} />;
  if (!state) return <StateBadge state="waiting" word={connected ? "looking" : "connecting"} />;
  return (
    <>
      {lost && <StateBadge state="failed" word="connection lost, trying again" />}
      {faults[project] && <StateBadge state="failed" word={faults[project]} />}
      <EngineMenu project={project} state={state} />
      <Tasks project={project} state={state} />
      <Machine />
      <Tooltip label={`${formatBytes(state.disk.free)} of ${formatBytes(state.disk.total)} free on the project's disk${state.disk_hours == null ? "" : `; full in ${formatDuration(state.disk_hours * 3600)} at the pace of the last hours`}`}>
        <Text size="xs" span>
          {formatBytes(state.disk.free)} free
          {state.disk_hours != null && state.disk_hours < SHORT_HOURS && `, full in ${formatDuration(state.disk_hours * 3600)}`}
        </Text>
      </Tooltip>
      {(state.alarms?.severe ?? 0) + (state.alarms?.mild ?? 0) > 0 && (
        <Anchor component={Link} to={`/p/${project}/session`} underline="hover" c="inherit" aria-label="Alarms: open the session">
          <AlarmBadge alarms={state.alarms} />
        </Anchor>
      )}
      {Object.entries(state.conditions)
        .filter(([name]) => HINDERS.has(name))
        .map(([name, text]) => (
          <StateBadge key={name} state="severe" word={text} />
        ))}
    </>
  );
}

function Tasks({ project, state }: { project: string; state: ProjectState }) {
  const { tasks, workers } = state;
  const waiting = (tasks.waiting ?? 0) + (tasks.ready ?? 0);
  const bad = (tasks.failed ?? 0) + (tasks.quarantined ?? 0);
  return (
    <>
      <Text size="xs" span>
        {counted(tasks.running ?? 0, "task")} running, {formatCount(waiting)} waiting
        {workers.length > 0 && `, ${counted(workers.length, "worker")}`}
      </Text>
      {bad > 0 && (
        <Anchor component={Link} to={`/p/${project}/queue`} underline="hover" c="inherit" aria-label={`${counted(bad, "task")} failed: open the queue`}>
          <StateBadge state="failed" word={`${formatCount(bad)} failed`} />
        </Anchor>
      )}
    </>
  );
}

/** Use of the processor and the GPUs of the server's machine. */
function Machine() {
  const machine = useMachine().data;
  if (!machine) return null;
  const gpus = machine.gpus.map((gpu) => (gpu.use == null ? null : gpu.use)).filter((use) => use !== null);
  const memory = machine.memory.available == null ? "" : `, ${formatBytes(machine.memory.available)} of memory free`;
  const label = `${machine.host}: work for ${(machine.load * machine.cores).toFixed(1)} of ${machine.cores} cores${memory}`;
  return (
    <Tooltip label={label}>
      <Text size="xs" span>
        CPU {machine.cpu == null ? UNKNOWN : Math.round(machine.cpu * 100)} %{gpus.length > 0 && `, GPU ${Math.round((100 * gpus.reduce((a, b) => a + b, 0)) / gpus.length)} %`}
      </Text>
    </Tooltip>
  );
}
