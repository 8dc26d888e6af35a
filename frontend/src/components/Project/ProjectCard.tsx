import { ActionIcon, Menu, Text } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { IconDots, IconEyeOff } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { asFault } from "@/client/client";
import { useLive, type ProjectState } from "@/client/live";
import { showFault } from "@/components/Fault/Fault";
import { engineLook } from "@/components/Frame/engine";
import { formatBytes, formatCount, formatDuration, formatNumber, formatTime, UNKNOWN } from "@/components/format";
import { AlarmBadge } from "@/components/State/AlarmBadge";
import { StateBadge } from "@/components/State/StateBadge";
import { tell } from "@/hooks/useAction";
import { hasRole, useMe } from "@/hooks/useMe";
import classes from "./Project.module.css";
import { useProjectChanges, type ProjectLine } from "./queries";

const MODES: Record<string, string> = {
  drift: "drift correction",
  "single-particle": "single particles",
  tomography: "tomography",
  crystal2d: "2D crystals",
};

/** One project, live: what it is, how it goes, what is wrong. */
export function ProjectCard({ line }: { line: ProjectLine }) {
  const { states, faults } = useLive();
  const state = states[line.key] ?? (Object.keys(line.brief).length ? (line.brief as ProjectState) : undefined);
  const fault = faults[line.key] ?? (states[line.key] ? null : line.fault);
  return (
    <li className={classes.card}>
      <div className={classes.top}>
        <div>
          <Link to={`/p/${line.key}/session`} className={classes.title}>
            {state?.title ?? line.key}
          </Link>
          <div className={classes.folder} title={line.folder}>
            <bdi>{line.folder}</bdi>
          </div>
        </div>
        <CardMenu line={line} />
      </div>
      {fault && <StateBadge state="failed" word={fault} />}
      {state && <Figures state={state} />}
      {state && <States state={state} />}
    </li>
  );
}

function Figures({ state }: { state: ProjectState }) {
  const now = useSeconds();
  const { tasks } = state;
  const waiting = (tasks.waiting ?? 0) + (tasks.ready ?? 0) + (tasks.running ?? 0);
  const age = state.last_import == null ? null : Math.max(0, now - state.last_import);
  const figures: [string, string, string | undefined][] = [
    ["Images", formatCount(state.items.total), undefined],
    ["Last image", age == null ? UNKNOWN : formatDuration(age), state.last_import == null ? undefined : formatTime(state.last_import)],
    ["Images/h", formatNumber(state.images_per_hour, 0), "in the last half hour"],
    ["Tasks left", formatCount(waiting), `${formatCount(tasks.running ?? 0)} running`],
    ["Tasks done", formatCount(tasks.done ?? 0), undefined],
    ["Disk free", formatBytes(state.disk.free), `of ${formatBytes(state.disk.total)}`],
  ];
  return (
    <dl className={classes.figures}>
      {figures.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function States({ state }: { state: ProjectState }) {
  const look = engineLook(state);
  const bad = (state.tasks.failed ?? 0) + (state.tasks.quarantined ?? 0);
  return (
    <div className={classes.states}>
      <StateBadge state={look.state} word={look.word} />
      <Text size="sm" c="dimmed" span>
        {MODES[state.mode] ?? state.mode}
      </Text>
      {bad > 0 && <StateBadge state="failed" word={`${formatCount(bad)} failed`} />}
      <AlarmBadge alarms={state.alarms} />
      {state.conditions.disk && <StateBadge state="severe" word="disk full" />}
      {state.conditions.workers && <StateBadge state="severe" word="no workers" />}
    </div>
  );
}

function CardMenu({ line }: { line: ProjectLine }) {
  const me = useMe().data;
  const { forget, open } = useProjectChanges();
  if (!hasRole(me, "operator")) return null;
  const hide = () =>
    forget.mutate(line.key, {
      onSuccess: () => tell(`${line.key} is served no longer; nothing of it is deleted`, () => open.mutate({ folder: line.folder, start: false })),
      onError: (error) => showFault(asFault(error)),
    });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" className={classes.above} aria-label={`More about ${line.key}`}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconEyeOff size={16} />} onClick={hide}>
          Take off this list
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** s since 1970, renewed while it is shown. */
function useSeconds(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useInterval(() => setNow(Date.now() / 1000), 1000, { autoInvoke: true });
  return now;
}
