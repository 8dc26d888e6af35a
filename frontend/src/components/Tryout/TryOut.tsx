import { Alert, Button, Checkbox, Collapse, Group, NativeSelect, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconCircleDashed, IconFlask } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { asFault, client, need } from "@/client/client";
import { sentence } from "@/components/Fault/Fault";
import { titleOf } from "@/components/Form/fields";
import { formatColumn, formatCount, formatNumber, shown } from "@/components/format";
import type { JobType } from "@/components/Job/queries";
import { useJob } from "@/components/Job/queries";
import type { JobFormState } from "@/components/Job/useJobForm";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { TryImage } from "./TryImage";
import { useTry, type TryAnswer } from "./useTry";
import classes from "./Tryout.module.css";

interface Given {
  project: string;
  type: JobType;
  form: JobFormState;
  job?: number;
}

/** Whether a job type can be tried on one image. */
export function canTry(type: JobType): boolean {
  return type.scope === "item" && type.needs.length > 0;
}

/** Try a form on one image: what changes in the form is seen on the image at once, and nothing is recorded. */
export function TryOut(given: Given) {
  const [open, setOpen] = useState(false);
  const mayChange = useMayChange(given.project);
  if (!mayChange || !canTry(given.type)) return null;
  return (
    <div className={open ? classes.box : undefined}>
      <Button size="xs" variant="default" leftSection={<IconFlask size={15} />} aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Close the try" : "Try on one image"}
      </Button>
      <Collapse expanded={open}>{open && <Trying {...given} />}</Collapse>
    </div>
  );
}

function useItems(project: string) {
  return useQuery({
    queryKey: ["p", project, "items to try"],
    queryFn: () => need(client.GET("/api/projects/{project}/items", { params: { path: { project }, query: { columns: "name", order: "id:desc", limit: 500 } } })),
    placeholderData: keepPreviousData,
  }).data;
}

function Trying({ project, type, form, job }: Given) {
  const items = useItems(project);
  const [chosen, setChosen] = useState<number | null>(null);
  const [below, setBelow] = useState(false);
  const [drawing, setDrawing] = useState(false);
  const item = chosen ?? items?.ids.at(-1) ?? null;
  const place = item === null || !items ? -1 : items.ids.indexOf(item);
  const found = useTry({ project, type: type.name, item, params: form.params, inputs: form.inputs, job: job ?? null, enabled: form.wrong.length === 0 });
  const picks = found.data?.picks ?? null;
  const hasDiameter = form.fields.some((field) => field.name === "diameter" && field.kind === "number");
  const diameter = (form.params.diameter ?? found.data?.settings.diameter ?? null) as number | null;
  const names = items?.rows.map((row) => String(row[0])) ?? [];
  const step = (by: number) => items && place + by >= 0 && place + by < items.ids.length ? () => setChosen(items.ids[place + by]!) : undefined;
  const fault = found.error ? asFault(found.error) : null;
  return (
    <div>
      <Group gap={4} my={6} wrap="nowrap">
        <Button size="xs" px={6} variant="default" aria-label="The image before" disabled={!step(1)} onClick={step(1)}>
          <IconChevronLeft size={15} />
        </Button>
        <NativeSelect
          size="xs"
          aria-label="Image to try it on"
          style={{ flex: 1, minWidth: 0 }}
          value={item ?? ""}
          data={(items?.ids ?? []).map((id, index) => ({ value: String(id), label: names[index] ?? String(id) }))}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
        />
        <Button size="xs" px={6} variant="default" aria-label="The image behind" disabled={!step(-1)} onClick={step(-1)}>
          <IconChevronRight size={15} />
        </Button>
        {hasDiameter && (
          <Button size="xs" px={8} variant={drawing ? "filled" : "default"} leftSection={<IconCircleDashed size={15} />} aria-pressed={drawing} title="Drag from the middle of a particle to its edge" onClick={() => setDrawing(!drawing)}>
            Draw diameter
          </Button>
        )}
      </Group>
      {item !== null && (
        <TryImage key={item} project={project} item={item} name={names[place] ?? "image"} picks={picks} diameter={diameter} below={below} busy={found.busy} onDiameter={drawing ? (value) => form.setParam("diameter", value) : undefined} />
      )}
      <div aria-live="polite" style={{ minHeight: 24 }}>
        {fault && (
          <Alert color="red" variant="light" mt={6} p="xs" title={sentence(fault.message)}>
            {sentence(fault.hint)}
          </Alert>
        )}
        {!fault && found.data && <Told answer={found.data} below={below} setBelow={setBelow} />}
        {!fault && !found.data && <Text size="xs" c="dimmed" mt={6}>The first try takes a few seconds.</Text>}
      </div>
      {found.data && !fault && <Figures project={project} type={type} answer={found.data} />}
      {job !== undefined && <UseThem project={project} job={job} params={form.params} disabled={found.busy || fault !== null} />}
    </div>
  );
}

function Told({ answer, below, setBelow }: { answer: TryAnswer; below: boolean; setBelow: (below: boolean) => void }) {
  const { picks } = answer;
  return (
    <>
      <Group gap="md" mt={6}>
        {picks && (
          <Text size="sm" style={{ fontVariantNumeric: "tabular-nums" }}>
            <b>{formatCount(picks.kept.filter(Boolean).length)}</b> picks of {formatCount(picks.kept.length)}
          </Text>
        )}
        {picks && <Checkbox size="xs" label="those below the threshold" checked={below} onChange={(event) => setBelow(event.currentTarget.checked)} />}
        <Text size="xs" c="dimmed">{formatNumber(answer.seconds, 2)} s; nothing is recorded</Text>
      </Group>
      {answer.warnings.map((text) => (
        <Text key={text} size="xs" c="var(--mantine-color-yellow-text)" role="note">{text}</Text>
      ))}
    </>
  );
}

/** What the job would give: figures and pictures. */
function Figures({ project, type, answer }: { project: string; type: JobType; answer: TryAnswer }) {
  const columns = type.gives.flatMap((slot) => slot.columns).filter((column) => answer.values[column.name] != null);
  return (
    <>
      <div className={classes.figures}>
        {columns.map((column) => {
          const unit = shown(column.name, column.unit).unit;
          return (
            <div key={column.name} title={column.meaning ?? undefined}>
              <span>{titleOf(column.name)}{unit && unit !== "fraction" ? ` / ${unit}` : ""}</span>
              <b>{formatColumn(column.name, answer.values[column.name], column.kind ?? undefined)}</b>
            </div>
          );
        })}
      </div>
      {answer.pictures.map((name) => (
        <img key={name} className={classes.picture} src={`/api/projects/${encodeURIComponent(project)}/tries/${answer.number}/${name}.png`} alt={`Result of the try: ${name}`} />
      ))}
    </>
  );
}

function UseThem({ project, job, params, disabled }: { project: string; job: number; params: Record<string, unknown>; disabled: boolean }) {
  const action = useAction(project);
  const now = useJob(project, job).data;
  if (!now || JSON.stringify(now.params) === JSON.stringify(params)) return null;
  const lacking = (some: Record<string, unknown>, others: Record<string, unknown>) => Object.keys(some).filter((name) => others[name] === undefined);
  const use = () =>
    action.mutate({
      name: "edit_job",
      body: { job, params, unset: lacking(now.params, params), reason: "tried on one image" },
      told: `J${job} works with these values now`,
      undo: () => action.mutate({ name: "edit_job", body: { job, params: now.params, unset: lacking(params, now.params), reason: "undo" } }),
    });
  return (
    <Button size="xs" mt={6} disabled={disabled} loading={action.isPending} onClick={use}>
      Use these values for J{job}
    </Button>
  );
}
