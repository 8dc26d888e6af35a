import { Button, Group, Select, Skeleton, Stack, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { client, need } from "@/client/client";
import { Histogram } from "@/components/Chart/Histogram";
import { titleOf } from "@/components/Form/fields";
import { formatCount } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import { columnsOf, limitsOf, withLimits } from "./expression";
import type { JobPage } from "./queries";
import { Compared } from "./RevisionsTab";

/** The thresholds of a filter: two limits to drag for each column, with the number that stays as one does. */
export function FilterTab({ project, job, mayChange }: { project: string; job: JobPage; mayChange: boolean }) {
  const saved = String(job.params.expression ?? "");
  const [text, setText] = useState(saved);
  const [settled] = useDebouncedValue(text, 250);
  const action = useAction(project);
  const numbers = useNumbers(project);
  const used = useMemo(() => columnsOf(text, numbers.map((one) => one.name)), [text, numbers]);
  const check = useQuery({
    queryKey: ["p", project, "expression", settled],
    enabled: settled.trim() !== "",
    queryFn: () => need(client.GET("/api/projects/{project}/expression/check", { params: { path: { project }, query: { text: settled } } })),
    placeholderData: keepPreviousData,
  });
  const fault = check.data?.fault ? check.data.fault.message : null;
  const save = () =>
    action.mutate({
      name: "edit_job",
      body: { job: job.id, params: { ...job.params, expression: text }, inputs: null, waits: null, title: null, note: null, priority: null, serial: null, batch: null, reason: "threshold" },
      told: `J${job.id} lets pass: ${text}`,
      undo: () => action.mutate({ name: "undo_edit", body: { job: job.id } }),
    });
  return (
    <Stack gap="sm">
      <Textarea label="Let pass what meets" autosize minRows={1} size="sm" value={text} disabled={!mayChange} onChange={(event) => setText(event.currentTarget.value)} error={fault} spellCheck={false} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} />
      <Text size="sm" aria-live="polite">
        {check.data && !fault ? <><b>{formatCount(check.data.count)}</b> images of the project meet it</> : "–"}
        {saved !== text && job.given.items !== undefined && `; ${formatCount(job.given.items)} pass now`}
      </Text>
      {used.map((column) => (
        <Limits key={column} project={project} column={column} unit={numbers.find((one) => one.name === column)?.unit} text={text} onText={mayChange ? setText : undefined} />
      ))}
      {mayChange && (
        <Select size="sm" placeholder="Limit another column" aria-label="Limit another column" searchable data={numbers.filter((one) => !used.includes(one.name)).map((one) => ({ value: one.name, label: titleOf(one.name) }))} value={null} onChange={(name) => name && setText((before) => (before.trim() ? `${before} and ${name} is not None` : `${name} is not None`))} />
      )}
      {mayChange && saved !== text && (
        <Group gap="xs">
          <Button size="sm" onClick={save} disabled={fault !== null || !text.trim()} loading={action.isPending}>Save the filter</Button>
          <Button size="sm" variant="default" onClick={() => setText(saved)}>Discard</Button>
        </Group>
      )}
      {job.revision > 1 && (
        <section aria-label="What the last change did">
          <Text size="sm" fw={600}>What the last change did</Text>
          <Compared project={project} job={job.id} revision={job.revision - 1} after={job.revision} />
        </section>
      )}
    </Stack>
  );
}

function useNumbers(project: string) {
  const { data } = useQuery({
    queryKey: ["p", project, "columns"],
    queryFn: () => need(client.GET("/api/projects/{project}/columns", { params: { path: { project } } })),
    placeholderData: keepPreviousData,
  });
  return useMemo(() => (data ?? []).filter((column) => column.kind === "number" || column.kind === "real" || column.kind === "integer"), [data]);
}

function Limits({ project, column, unit, text, onText }: { project: string; column: string; unit?: string | null; text: string; onText?: (text: string) => void }) {
  const { data } = useQuery({
    queryKey: ["p", project, "histogram", column, "", 60],
    queryFn: () => need(client.GET("/api/projects/{project}/histogram", { params: { path: { project }, query: { column, bins: 60 } } })),
    placeholderData: keepPreviousData,
  });
  const [low, high] = limitsOf(text, column);
  return (
    <div>
      <Text size="sm" fw={600}>{titleOf(column)}</Text>
      {data ? <Histogram column={column} unit={unit} edges={data.edges} counts={data.counts} low={low} high={high} onLimits={onText && ((below, above) => onText(withLimits(text, column, below, above)))} height={110} /> : <Skeleton height={110} />}
    </div>
  );
}
