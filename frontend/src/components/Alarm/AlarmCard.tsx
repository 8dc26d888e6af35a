import { Badge, Group, Paper, Stack, Text } from "@mantine/core";
import { IconBellOff, IconCheck } from "@tabler/icons-react";
import { formatDuration, formatTime } from "@/components/format";
import { sentence } from "@/components/Fault/Fault";
import { StateBadge } from "@/components/State/StateBadge";
import { useMayChange } from "@/hooks/useProject";
import { AlarmButtons } from "./AlarmButtons";
import classes from "./Alarm.module.css";
import { columnTitle, useNow, type AlarmView } from "./useAlarms";

/** One open alarm: how bad, about what, since when, why, what to do. */
export function AlarmCard({ project, alarm }: { project: string; alarm: AlarmView }) {
  const may = useMayChange(project);
  const now = useNow();
  const title = `alarm-${alarm.id}`;
  return (
    <Paper withBorder p="sm" component="article" aria-labelledby={title} className={classes.card} data-severity={alarm.severity}>
      <Stack gap={6}>
        <Group gap="sm" justify="space-between" wrap="wrap">
          <Group gap="sm">
            <StateBadge state={alarm.severity} word={alarm.severity} size={16} />
            {alarm.column && (
              <Badge variant="default" radius="sm" tt="none" fw={400}>
                {columnTitle(alarm.column)}
              </Badge>
            )}
          </Group>
          <Text size="xs" c="dimmed" title={formatTime(alarm.raised)}>
            for {formatDuration(now - alarm.raised)}, since {formatTime(alarm.raised, false).slice(0, 5)}
          </Text>
        </Group>
        <Text id={title} fw={600}>
          {sentence(alarm.sentence)}
        </Text>
        {alarm.cause && (
          <Text size="sm">
            <Text span c="dimmed" inherit>
              Likely cause:{" "}
            </Text>
            {alarm.cause}
          </Text>
        )}
        {alarm.advice.length > 0 && (
          <ul className={classes.advice} aria-label="What to do">
            {alarm.advice.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        )}
        <Known alarm={alarm} now={now} />
        {may && <AlarmButtons project={project} alarm={alarm} now={now} />}
      </Stack>
    </Paper>
  );
}

function Known({ alarm, now }: { alarm: AlarmView; now: number }) {
  const snoozed = alarm.snoozed_until != null && alarm.snoozed_until > now;
  return (
    <>
      {alarm.acknowledged != null && (
        <Group gap={6} wrap="nowrap" align="flex-start">
          <IconCheck size={16} aria-hidden className={classes.icon} />
          <Text size="sm">
            Acknowledged by {alarm.acknowledged_by} at {formatTime(alarm.acknowledged, false).slice(0, 5)}
            {alarm.note ? `: ${alarm.note}` : ""}
          </Text>
        </Group>
      )}
      {snoozed && (
        <Group gap={6} wrap="nowrap" align="flex-start">
          <IconBellOff size={16} aria-hidden className={classes.icon} />
          <Text size="sm">
            Nothing is sent until {formatTime(alarm.snoozed_until, false).slice(0, 5)} (snoozed by {alarm.snoozed_by})
          </Text>
        </Group>
      )}
    </>
  );
}
