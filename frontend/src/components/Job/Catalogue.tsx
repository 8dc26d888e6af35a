import { Accordion, Badge, Code, Group, Skeleton, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { StateBadge } from "@/components/State/StateBadge";
import classes from "./Job.module.css";
import { fitsBehind, useJobTypes, type JobLine, type JobType } from "./queries";

interface Props {
  project: string;
  /** Only types that fit behind this job. */
  behind?: JobLine | null;
  /** Only types that work on items. */
  onItems?: boolean;
  onChoose: (type: JobType) => void;
}

/** All job types in processing order, to be searched; what fits, what each needs and gives. */
export function Catalogue({ project, behind, onItems, onChoose }: Props) {
  const { data, error, refetch } = useJobTypes(project);
  const [text, setText] = useState("");
  const found = useMemo(() => {
    const types = (data?.types ?? []).filter(
      (type) => (!behind || fitsBehind(type, behind)) && (!onItems || type.scope !== "source") && matches(type, text),
    );
    return (data?.categories ?? []).map((name) => [name, types.filter((type) => type.category === name)] as const).filter(([, several]) => several.length > 0);
  }, [data, behind, onItems, text]);
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  const first = found[0]?.[1][0];
  return (
    <Stack gap="sm">
      <TextInput
        data-autofocus
        leftSection={<IconSearch size={16} />}
        placeholder="Search job types: name, what it does, slot, column, paper"
        aria-label="Search job types"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && first) onChoose(first);
        }}
      />
      {behind && (
        <Text size="sm" c="dimmed">
          What fits behind J{behind.id} {behind.title}
        </Text>
      )}
      {!data && [0, 1, 2, 3].map((place) => <Skeleton key={place} height={56} />)}
      <div className={classes.categories}>
      {found.map(([category, types]) => (
        <section key={category} aria-label={category} className={classes.category}>
          <Text fw={600} size="sm" mb={4}>
            {category}
          </Text>
          {types.map((type) => (
            <TypeCard key={type.name} type={type} onChoose={onChoose} />
          ))}
        </section>
      ))}
      </div>
      {data && found.length === 0 && (
        <Text c="dimmed" py="lg" ta="center">
          No job type {behind ? "that fits here " : ""}speaks of “{text}”.
        </Text>
      )}
      {data && data.broken.length > 0 && !behind && (
        <section aria-label="Broken job types">
          <Text fw={600} size="sm">Can’t be used</Text>
          <Accordion variant="contained" mt={4}>
            {data.broken.map((type) => (
              <Accordion.Item key={type.name} value={type.name}>
                <Accordion.Control>
                  <Group gap="xs" wrap="nowrap">
                    <StateBadge state="broken" />
                    <Text size="sm"><b>{type.name}</b>: {type.reason}</Text>
                  </Group>
                </Accordion.Control>
                <Accordion.Panel>
                  <Code block>{type.traceback || type.reason}</Code>
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        </section>
      )}
    </Stack>
  );
}

function TypeCard({ type, onChoose }: { type: JobType; onChoose: (type: JobType) => void }) {
  const needs = type.needs.map((one) => one.join(" or "));
  const gives = type.gives.map((slot) => slot.name);
  return (
    <UnstyledButton className={classes.type} onClick={() => onChoose(type)} aria-label={`Add ${type.title}`}>
      <Group gap="xs" wrap="nowrap" justify="space-between">
        <Text fw={600} size="sm">{type.title}</Text>
        <Text size="xs" c="dimmed" ff="monospace">{type.name}</Text>
      </Group>
      <Text size="sm">{type.summary}</Text>
      <Group gap={6} mt={4}>
        {needs.map((slot) => <Badge key={slot} size="sm" variant="default" tt="none" fw={500}>needs {slot}</Badge>)}
        {gives.map((slot) => <Badge key={slot} size="sm" variant="light" tt="none" fw={500}>gives {slot}</Badge>)}
        {type.scope === "set" && <Badge size="sm" variant="default" tt="none" fw={500}>all items together</Badge>}
      </Group>
      {(type.methods || type.citations.length > 0) && (
        <Text size="xs" c="dimmed" mt={4} lineClamp={2}>
          {[type.methods, ...type.citations].filter(Boolean).join(" · ")}
        </Text>
      )}
    </UnstyledButton>
  );
}

function matches(type: JobType, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const columns = type.gives.flatMap((slot) => [slot.name, ...slot.columns.map((column) => column.name)]);
  const all = [type.name, type.title, type.summary, type.category, type.methods, ...type.citations, ...type.needs.flat(), ...columns].join(" ").toLowerCase();
  return words.every((word) => all.includes(word));
}
