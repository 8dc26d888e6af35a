import { Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { fieldsOf, setValues } from "@/components/Form/fields";
import { SchemaForm } from "@/components/Form/SchemaForm";
import { useJobs, useJobTypes, type JobType } from "@/components/Job/queries";
import { counted } from "@/components/format";
import { useAction } from "@/hooks/useAction";

/** Parameters that hold for the chosen images alone, in all jobs of a type. */
export function ItemParameters({ project, ids, onClose }: { project: string; ids: number[]; onClose: () => void }) {
  const jobs = useJobs(project).data;
  const types = useJobTypes(project).data;
  const [name, setName] = useState<string | null>(null);
  const used = useMemo(() => {
    const there = new Set((jobs?.jobs ?? []).map((job) => job.type));
    return (types?.types ?? []).filter((type) => there.has(type.name) && type.scope === "item");
  }, [jobs, types]);
  const type = used.find((entry) => entry.name === name);
  return (
    <Modal opened onClose={onClose} size="lg" title={<Text fw={600}>Parameters of {counted(ids.length, "image")}</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Select label="Step" placeholder="Choose a step of the workflow" data-autofocus value={name} onChange={setName} data={used.map((entry) => ({ value: entry.name, label: entry.title }))} />
        {type && <Form key={type.name} project={project} type={type} ids={ids} onClose={onClose} />}
      </Stack>
    </Modal>
  );
}

function Form({ project, type, ids, onClose }: { project: string; type: JobType; ids: number[]; onClose: () => void }) {
  const [params, setParams] = useState<Record<string, unknown>>({});
  const [advanced, setAdvanced] = useState(false);
  const action = useAction(project);
  const fields = useMemo(() => fieldsOf(type.parameters).map((field) => ({ ...field, required: false, needed: false })), [type]);
  const given = setValues(params);
  const send = async (values: Record<string, unknown>, told: string) => {
    const names = Object.keys(values);
    const undo = () => action.mutate({ name: "set_item_parameters", body: { selection: { ids }, type: type.name, params: Object.fromEntries(names.map((entry) => [entry, null])) } });
    await action.mutateAsync({ name: "set_item_parameters", body: { selection: { ids }, type: type.name, params: values }, told, undo: told.startsWith("Set") ? undo : undefined });
    onClose();
  };
  const all = Object.fromEntries(fields.map((field) => [field.name, null]));
  return (
    <>
      <Text size="sm" c="dimmed">
        What is set here holds for these images alone; the rest stays as the job has it. What depends on it is computed again.
      </Text>
      <SchemaForm fields={fields} params={params} inherited={undefined} faults={{}} onChange={(name, value) => setParams((before) => ({ ...before, [name]: value }))} advanced={advanced} onAdvanced={setAdvanced} project={project} wide />
      <Group justify="space-between">
        <Button variant="default" onClick={() => void send(all, "These images take the job's parameters again").catch(() => undefined)}>
          As the job has it
        </Button>
        <Button disabled={Object.keys(given).length === 0} loading={action.isPending} onClick={() => void send(given, `Set for ${counted(ids.length, "image")}`).catch(() => undefined)}>
          Set for these
        </Button>
      </Group>
    </>
  );
}
