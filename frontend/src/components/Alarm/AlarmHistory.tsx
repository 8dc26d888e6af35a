import { Button, Collapse, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { sentence } from "@/components/Fault/Fault";
import { counted, formatDuration, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import classes from "./Alarm.module.css";
import type { AlarmView } from "./useAlarms";

/** Alarms that have passed, the newest first. */
export function AlarmHistory({ alarms }: { alarms: AlarmView[] }) {
  const [open, { toggle }] = useDisclosure(false);
  return (
    <Stack gap="xs" align="flex-start">
      <Button size="compact-sm" variant="subtle" onClick={toggle} aria-expanded={open}>
        {open ? "Hide" : "Show"} {counted(alarms.length, "alarm")} that passed
      </Button>
      <Collapse expanded={open} w="100%">
        <Table.ScrollContainer minWidth={340}>
          <Table verticalSpacing={4} aria-label="Alarms that have passed">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Severity</Table.Th>
                <Table.Th>What was wrong</Table.Th>
                <Table.Th>From</Table.Th>
                <Table.Th>Lasted</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {alarms.map((alarm) => (
                <Line key={alarm.id} alarm={alarm} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Collapse>
    </Stack>
  );
}

function Line({ alarm }: { alarm: AlarmView }) {
  return (
    <Table.Tr>
      <Table.Td>
        <StateBadge state={alarm.severity} word={alarm.severity} />
      </Table.Td>
      <Table.Td>
        <Text size="sm">{sentence(alarm.sentence)}</Text>
        {alarm.cause && (
          <Text size="xs" c="dimmed">
            {alarm.cause}
          </Text>
        )}
        {alarm.note && <Text size="xs">Note of {alarm.acknowledged_by}: {alarm.note}</Text>}
      </Table.Td>
      <Table.Td className={classes.times} title={formatTime(alarm.raised)}>
        {formatTime(alarm.raised).slice(5, 16)}
      </Table.Td>
      <Table.Td className={classes.times}>{formatDuration((alarm.cleared ?? alarm.raised) - alarm.raised)}</Table.Td>
    </Table.Tr>
  );
}
