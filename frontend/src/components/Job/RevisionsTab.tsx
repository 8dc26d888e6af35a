import { Badge, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { titleOf, valueText } from "@/components/Form/fields";
import { counted, formatTime } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import classes from "./Job.module.css";
import type { JobPage } from "./queries";

/** Every version of the parameters: what it changed, who, when, why; and the way back to it. */
export function RevisionsTab({ project, job, mayChange }: { project: string; job: JobPage; mayChange: boolean }) {
  const action = useAction(project);
  const newest = [...job.revisions].reverse();
  const [compared, setCompared] = useState<number | null>(null);
  const goBack = (revision: number, params: Record<string, unknown>) =>
    action.mutate({
      name: "edit_job",
      body: { job: job.id, params, unset: Object.keys(job.params).filter((name) => !(name in params)), inputs: null, waits: null, title: null, note: null, priority: null, serial: null, batch: null, reason: `back to revision ${revision}` },
      told: `J${job.id} is back at revision ${revision}`,
      undo: () => action.mutate({ name: "undo_edit", body: { job: job.id } }),
    });
  return (
    <Stack gap="sm">
      {newest.map((entry, place) => {
        const before = newest[place + 1];
        const current = entry.revision === job.revision;
        return (
          <section key={entry.revision} aria-label={`Revision ${entry.revision}`} style={{ borderBottom: "1px solid var(--line)", paddingBottom: 8 }}>
            <Group justify="space-between" wrap="nowrap">
              <Group gap="xs">
                <Text size="sm" fw={600}>Revision {entry.revision}</Text>
                {current && <Badge size="sm" variant="light" tt="none">now</Badge>}
              </Group>
              <Text size="xs" c="dimmed">{entry.author}, {formatTime(entry.time)}</Text>
            </Group>
            {entry.reason && <Text size="sm" fs="italic">{entry.reason}</Text>}
            <Difference before={before?.params ?? {}} after={entry.params} first={!before} />
            {!current && (
              <Group gap="xs" mt={4}>
                {mayChange && <Button size="compact-xs" variant="light" onClick={() => goBack(entry.revision, entry.params)}>Go back to this</Button>}
                <Button size="compact-xs" variant="default" aria-expanded={compared === entry.revision} onClick={() => setCompared(compared === entry.revision ? null : entry.revision)}>Compare with now</Button>
              </Group>
            )}
            {compared === entry.revision && <Compared project={project} job={job.id} revision={entry.revision} />}
          </section>
        );
      })}
    </Stack>
  );
}

function Difference({ before, after, first }: { before: Record<string, unknown>; after: Record<string, unknown>; first?: boolean }) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (names.length === 0) return <Text size="sm" c="dimmed">{first ? "Nothing was set: all as inherited and by default." : "The same parameters."}</Text>;
  return (
    <div className={classes.changes}>
      {names.map((name) => (
        <div key={name}>
          <b>{titleOf(name)}</b> {!first && <span className={classes.before}>{valueText(before[name])}</span>} {!first && "→ "}{after[name] === undefined ? "inherited" : valueText(after[name])}
        </div>
      ))}
    </div>
  );
}

/** What lies between a revision and now; of a filter, the items that came in and went out. */
export function Compared({ project, job, revision, after }: { project: string; job: number; revision: number; after?: number }) {
  const { data, error } = useQuery({
    queryKey: ["p", project, "revisions", job, revision, after ?? null],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/revisions/diff", { params: { path: { project, job: String(job) }, query: { before: revision, after } } })),
  });
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={40} mt={4} />;
  return (
    <Stack gap={4} mt={6} p="xs" style={{ background: "var(--ground)", borderRadius: 4 }}>
      <Text size="xs" c="dimmed">From revision {data.before} to {data.after}</Text>
      <Difference before={Object.fromEntries(data.changes.map((one) => [one.name, one.before ?? undefined]))} after={Object.fromEntries(data.changes.map((one) => [one.name, one.after ?? undefined]))} />
      {data.entered && <Names word="came in" names={data.entered} />}
      {data.left && <Names word="went out" names={data.left} />}
    </Stack>
  );
}

function Names({ word, names }: { word: string; names: string[] }) {
  return (
    <Text size="sm">
      <b>{counted(names.length, "item")} {word}</b>
      {names.length > 0 && `: ${names.slice(0, 8).join(", ")}${names.length > 8 ? " …" : ""}`}
    </Text>
  );
}
