import { Button, Group, NumberInput, SimpleGrid, Skeleton, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { useRules, type RuleSet } from "./useAlarms";

type NumberRule = Exclude<keyof RuleSet, "trends" | "quiet_from" | "quiet_to">;

const FIELDS: [NumberRule, string, string, number, number][] = [
  ["silence_minutes", "Silence, min", "No new image for so long while an import watches; empty: not watched", 1, 1440],
  ["window", "Newest images", "In which images beyond limits are counted", 10, 500],
  ["mild_count", "Mild from, images", "So many of these beyond a mild limit raise an alarm", 1, 500],
  ["severe_count", "Severe from, images", "So many of these beyond a severe limit raise a severe one", 1, 500],
  ["quarantine_percent", "Set aside, %", "So many of the newest images set aside by a job raise an alarm", 1, 100],
  ["disk_hours", "Disk, h", "Until it is full, below which an alarm is raised", 0.1, 1000],
  ["pause_minutes", "Pause, min", "Between two messages of one kind to one receiver", 1, 1440],
];

/** Rules beside the limits: silence, counts, disk, quiet hours. */
export function RulesForm({ project }: { project: string }) {
  const rules = useRules(project);
  if (rules.error && !rules.data) return <Fault error={rules.error} retry={() => void rules.refetch()} />;
  if (!rules.data) return <Skeleton h={260} aria-label="loading rules" />;
  return <Form project={project} rules={rules.data.rules} defaults={rules.data.defaults} />;
}

function Form({ project, rules, defaults }: { project: string; rules: RuleSet; defaults: RuleSet }) {
  const may = useMayChange(project);
  const doing = useAction(project);
  const [draft, setDraft] = useState<Partial<RuleSet>>({});
  const now: RuleSet = { ...rules, ...draft };
  const change = (values: Partial<RuleSet>) => setDraft((before) => ({ ...before, ...values }));
  const save = () =>
    doing.mutate(
      { name: "set_alarm_rules", body: { rules: draft as Record<string, unknown> }, told: "The rules are set" },
      { onSuccess: () => setDraft({}) },
    );
  const quiet = now.quiet_from !== null && now.quiet_to !== null;
  return (
    <Stack
      gap="sm"
      component="form"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Title order={2}>Rules</Title>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="md">
        {FIELDS.map(([name, label, help, min, max]) => (
          <NumberInput
            key={name}
            label={label}
            description={help}
            inputWrapperOrder={["label", "input", "description", "error"]}
            min={min}
            max={max}
            disabled={!may}
            placeholder={name === "silence_minutes" ? "not watched" : String(defaults[name])}
            value={now[name] ?? ""}
            onChange={(value) => change({ [name]: value === "" ? (name === "silence_minutes" ? null : defaults[name]) : Number(value) })}
          />
        ))}
      </SimpleGrid>
      <Group align="flex-end" gap="md">
        <Switch
          label="Quiet hours: mild alarms wait"
          checked={quiet}
          disabled={!may}
          onChange={(event) =>
            change(event.currentTarget.checked ? { quiet_from: "22:00", quiet_to: "07:00" } : { quiet_from: null, quiet_to: null })
          }
        />
        {quiet && (
          <>
            <TextInput type="time" label="from" disabled={!may} value={now.quiet_from ?? ""} onChange={(e) => change({ quiet_from: e.currentTarget.value })} />
            <TextInput type="time" label="to" disabled={!may} value={now.quiet_to ?? ""} onChange={(e) => change({ quiet_to: e.currentTarget.value })} />
          </>
        )}
      </Group>
      {may && (
        <Group gap="sm">
          <Button type="submit" disabled={Object.keys(draft).length === 0} loading={doing.isPending}>
            Save rules
          </Button>
          {Object.keys(draft).length > 0 && (
            <Button variant="subtle" onClick={() => setDraft({})}>
              Discard
            </Button>
          )}
        </Group>
      )}
      {!may && (
        <Text size="sm" c="dimmed">
          Operators of the project may change this.
        </Text>
      )}
    </Stack>
  );
}
