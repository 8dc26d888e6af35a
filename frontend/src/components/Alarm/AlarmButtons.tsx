import { Button, Group, Menu, Popover, Stack, TextInput } from "@mantine/core";
import { IconBellOff, IconCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useAction } from "@/hooks/useAction";
import type { AlarmView } from "./useAlarms";

const SNOOZES = [
  [30, "30 min"],
  [60, "1 h"],
  [240, "4 h"],
  [720, "12 h"],
] as const;

/** Acknowledge with a note, or have nothing sent for a while. */
export function AlarmButtons({ project, alarm, now }: { project: string; alarm: AlarmView; now: number }) {
  const doing = useAction(project);
  const snoozed = alarm.snoozed_until != null && alarm.snoozed_until > now;
  const snooze = (minutes: number) =>
    doing.mutate({
      name: "snooze_alarm",
      body: { alarm: alarm.id, minutes },
      told: minutes ? "Nothing is sent of this alarm for a while" : "This alarm is sent again",
      undo: minutes ? () => snooze(0) : undefined,
    });
  return (
    <Group gap="xs" mt={4}>
      {alarm.acknowledged == null && <Acknowledge project={project} alarm={alarm} />}
      {snoozed ? (
        <Button size="compact-sm" variant="subtle" onClick={() => snooze(0)}>
          End snooze
        </Button>
      ) : (
        <Menu withinPortal position="bottom-start">
          <Menu.Target>
            <Button size="compact-sm" variant="subtle" leftSection={<IconBellOff size={14} aria-hidden />}>
              Snooze
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>Send nothing for</Menu.Label>
            {SNOOZES.map(([minutes, text]) => (
              <Menu.Item key={minutes} onClick={() => snooze(minutes)}>
                {text}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}

function Acknowledge({ project, alarm }: { project: string; alarm: AlarmView }) {
  const doing = useAction(project);
  const [open, setOpen] = useState(false);
  const [note, setNote] = useState("");
  const send = () =>
    doing.mutate(
      { name: "acknowledge_alarm", body: { alarm: alarm.id, note }, told: "The alarm is acknowledged" },
      { onSuccess: () => setOpen(false) },
    );
  return (
    <Popover opened={open} onChange={setOpen} trapFocus returnFocus withinPortal position="bottom-start" width={300}>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<IconCheck size={14} aria-hidden />}
          onClick={() => setOpen(!open)}
          aria-expanded={open}
        >
          Acknowledge
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <Stack gap="xs">
            <TextInput
              label="Note"
              description="What is done about it; nobody is told again unless it gets worse"
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
              data-autofocus
            />
            <Group justify="flex-end">
              <Button size="compact-sm" type="submit" loading={doing.isPending}>
                Acknowledge alarm
              </Button>
            </Group>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
