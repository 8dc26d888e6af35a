import { Group, Text } from "@mantine/core";
import {
  IconAlertTriangle, IconBan, IconCircleCheck, IconCircleDashed, IconClock, IconEyeOff, IconLoader2, IconLock,
  IconPlayerPause, IconRefresh, IconX,
} from "@tabler/icons-react";
import type { ComponentType } from "react";

interface Look {
  icon: ComponentType<{ size?: number | string; color?: string; "aria-hidden"?: boolean }>;
  colour: string;
  word: string;
}

/** Yellow that can be read on both grounds. */
const AMBER = "light-dark(#8a5a00, var(--mantine-color-yellow-4))";

/** State of a job, a task, a file or an engine → its icon, colour and word; colour never stands alone. */
export const LOOKS: Record<string, Look> = {
  done: { icon: IconCircleCheck, colour: "var(--mantine-color-teal-text)", word: "done" },
  closed: { icon: IconCircleCheck, colour: "var(--mantine-color-teal-text)", word: "closed" },
  imported: { icon: IconCircleCheck, colour: "var(--mantine-color-teal-text)", word: "imported" },
  ok: { icon: IconCircleCheck, colour: "var(--mantine-color-teal-text)", word: "well" },
  running: { icon: IconLoader2, colour: "var(--mantine-color-blue-text)", word: "running" },
  active: { icon: IconLoader2, colour: "var(--mantine-color-blue-text)", word: "active" },
  ready: { icon: IconClock, colour: "var(--mantine-color-dimmed)", word: "ready" },
  waiting: { icon: IconClock, colour: "var(--mantine-color-dimmed)", word: "waiting" },
  settling: { icon: IconClock, colour: "var(--mantine-color-dimmed)", word: "settling" },
  draft: { icon: IconCircleDashed, colour: "var(--mantine-color-dimmed)", word: "draft" },
  stale: { icon: IconRefresh, colour: AMBER, word: "stale" },
  paused: { icon: IconPlayerPause, colour: AMBER, word: "paused" },
  mild: { icon: IconAlertTriangle, colour: AMBER, word: "look" },
  failed: { icon: IconX, colour: "var(--mantine-color-red-text)", word: "failed" },
  severe: { icon: IconAlertTriangle, colour: "var(--mantine-color-red-text)", word: "bad" },
  broken: { icon: IconX, colour: "var(--mantine-color-red-text)", word: "broken" },
  quarantined: { icon: IconLock, colour: "var(--mantine-color-orange-text)", word: "quarantined" },
  cancelled: { icon: IconBan, colour: "var(--mantine-color-dimmed)", word: "cancelled" },
  duplicate: { icon: IconEyeOff, colour: "var(--mantine-color-dimmed)", word: "duplicate" },
  skipped: { icon: IconEyeOff, colour: "var(--mantine-color-dimmed)", word: "skipped" },
  free: { icon: IconPlayerPause, colour: "var(--mantine-color-dimmed)", word: "stopped" },
  stopped: { icon: IconPlayerPause, colour: "var(--mantine-color-dimmed)", word: "stopped" },
  unknown: { icon: IconCircleDashed, colour: "var(--mantine-color-dimmed)", word: "unknown" },
};

export function lookOf(state: string): Look {
  return LOOKS[state] ?? { ...LOOKS.unknown!, word: state };
}

/** A state as icon, word and colour. */
export function StateBadge({ state, word, size = 14 }: { state: string; word?: string; size?: number }) {
  const look = lookOf(state);
  return (
    <Group gap={4} wrap="nowrap" component="span" style={{ display: "inline-flex", color: look.colour }}>
      <look.icon size={size} aria-hidden />
      <Text size="sm" span c="inherit">
        {word ?? look.word}
      </Text>
    </Group>
  );
}
