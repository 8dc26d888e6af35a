import { Button, Group, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { titleOf, valueText } from "@/components/Form/fields";
import { counted } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import classes from "./Job.module.css";
import { JobForm } from "./JobForm";
import { useJobTypes, type JobPage, type JobType } from "./queries";
import { useJobForm } from "./useJobForm";

/** The form of a job that is there: what would change, what would be computed again, and applying it. */
export function FormTab({ project, job, mayChange }: { project: string; job: JobPage; mayChange: boolean }) {
  const type = useJobTypes(project).data?.types.find((one) => one.name === job.type);
  if (!type) return job.broken ? <Text size="sm">{job.broken}</Text> : <Skeleton height={240} />;
  return <Editor project={project} job={job} type={type} mayChange={mayChange} />;
}

function Editor({ project, job, type, mayChange }: { project: string; job: JobPage; type: JobType; mayChange: boolean }) {
  const start = { title: job.title, note: job.note, waits: job.waits, priority: job.priority, serial: job.serial, batch: job.batch };
  const form = useJobForm(project, type, { params: job.params, inputs: type.scope === "source" ? null : job.inputs, options: start, job: job.id });
  const [reason, setReason] = useState("");
  const action = useAction(project);
  const changes = form.check?.changes ?? [];
  const rewired = form.inputs !== null && form.inputs.join() !== job.inputs.join();
  const renamed = JSON.stringify({ ...start, ...form.options }) !== JSON.stringify(start);
  const dirty = changes.length > 0 || rewired || renamed;
  const apply = () => {
    const unset = Object.keys(job.params).filter((name) => form.params[name] === undefined);
    const told = form.check?.stale ? `J${job.id} changed: ${counted(form.check.stale, "result")} computed again` : `J${job.id} changed`;
    action.mutate({
      name: "edit_job",
      body: { ...fieldsOf(form.options), job: job.id, params: form.params, unset, inputs: rewired ? form.inputs : null, reason },
      told,
      undo: () =>
        action.mutate({
          name: "edit_job",
          body: { ...fieldsOf(start), job: job.id, params: job.params, unset: Object.keys(form.params).filter((name) => !(name in job.params)), inputs: rewired ? job.inputs : null, reason: "undo" },
        }),
    });
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        form.submit(apply);
      }}
    >
      <JobForm project={project} type={type} form={form} job={job.id} disabled={!mayChange} />
      {mayChange && dirty && (
        <Stack className={classes.foot} gap="xs" role="region" aria-label="What would change">
          <div className={classes.changes}>
            {changes.map((change) => (
              <div key={change.name}>
                <b>{titleOf(change.name)}</b> <span className={classes.before}>{valueText(change.before)}</span> → {change.after == null ? "inherited" : valueText(change.after)}
              </div>
            ))}
            {rewired && <div><b>Input</b> <span className={classes.before}>{job.inputs.join(", ")}</span> → {form.inputs?.join(", ")}</div>}
          </div>
          <Text size="sm" fw={600} c={form.check?.stale ? "var(--mantine-color-yellow-text)" : "dimmed"}>
            {form.check?.stale ? `${counted(form.check.stale, "result")} ${form.check.stale === 1 ? "becomes" : "become"} stale and ${form.check.stale === 1 ? "is" : "are"} computed again` : "No result is computed again"}
          </Text>
          <Group gap="xs" wrap="nowrap">
            <TextInput size="sm" placeholder="reason (kept with the revision)" aria-label="Reason" value={reason} onChange={(event) => setReason(event.currentTarget.value)} style={{ flex: 1 }} />
            <Button size="sm" variant="default" onClick={() => {
              form.setAll(job.params);
              form.setInputs(job.inputs);
              form.setOptions(start);
            }}>Discard</Button>
            <Button size="sm" type="submit" loading={action.isPending || form.asked}>Apply</Button>
          </Group>
        </Stack>
      )}
    </form>
  );
}

function fieldsOf(options: { title: string; note: string; waits: string[]; priority: number; serial: boolean; batch: number | null }) {
  return { ...options, title: options.title || null };
}
