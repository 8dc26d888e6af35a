import { Alert, Badge, Button, FileButton, Group, Modal, Skeleton, Stack, Table, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconArrowLeft, IconUpload } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { client, need, type Schemas } from "@/client/client";
import { Fault, sentence } from "@/components/Fault/Fault";
import { valueText } from "@/components/Form/fields";
import { counted } from "@/components/format";
import jobClasses from "@/components/Job/Job.module.css";
import { useAction } from "@/hooks/useAction";

interface Chosen {
  name?: string;
  content?: Record<string, unknown>;
}
type Changes = Record<string, Record<string, unknown>>;

/** Take a template: a ready one or a file; what it would add and asks for is shown before anything is done. */
export function TemplateDialog({ project, opened, onClose, onAdded }: { project: string; opened: boolean; onClose: () => void; onAdded: (jobs: number[]) => void }) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const close = () => {
    setChosen(null);
    setWrong(null);
    onClose();
  };
  const read = async (file: File | null) => {
    if (!file) return;
    try {
      setChosen({ content: JSON.parse(await file.text()) as Record<string, unknown> });
      setWrong(null);
    } catch {
      setWrong(`${file.name} is not JSON; choose a file that was exported as a template.`);
    }
  };
  return (
    <Modal opened={opened} onClose={close} size={720} title={<Text fw={600}>Add jobs of a template</Text>}>
      {chosen ? (
        <Preview project={project} chosen={chosen} back={() => setChosen(null)} done={(jobs) => {
          close();
          onAdded(jobs);
        }} />
      ) : (
        <Stack gap="sm">
          <Ready project={project} onChoose={(name) => setChosen({ name })} />
          {wrong && <Alert color="red" variant="light" icon={<IconAlertTriangle size={16} />}>{wrong}</Alert>}
          <FileButton accept="application/json,.json" onChange={(file) => void read(file)}>
            {(props) => <Button {...props} variant="default" leftSection={<IconUpload size={16} />}>Template from a file</Button>}
          </FileButton>
        </Stack>
      )}
    </Modal>
  );
}

function Ready({ project, onChoose }: { project: string; onChoose: (name: string) => void }) {
  const { data, error } = useQuery({
    queryKey: ["templates", project],
    queryFn: () => need(client.GET("/api/projects/{project}/templates", { params: { path: { project } } })),
  });
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={160} />;
  return (
    <div className={jobClasses.types}>
      {data.map((template) => (
        <UnstyledButton key={template.name} className={jobClasses.type} onClick={() => onChoose(template.name)} aria-label={`Template ${template.title}`}>
          <Group justify="space-between" wrap="nowrap"><Text fw={600} size="sm">{template.title}</Text><Badge size="sm" variant="default" tt="none">{template.mode}</Badge></Group>
          <Text size="sm">{template.summary}</Text>
        </UnstyledButton>
      ))}
    </div>
  );
}

function Preview({ project, chosen, back, done }: { project: string; chosen: Chosen; back: () => void; done: (jobs: number[]) => void }) {
  const [changes, setChanges] = useState<Changes>({});
  const [settled] = useDebouncedValue(changes, 300);
  const action = useAction(project);
  const body: Schemas["TemplateRequest"] = { name: chosen.name ?? null, content: chosen.content ?? null, changes: settled };
  const { data, error } = useQuery({
    queryKey: ["p", project, "template", body],
    queryFn: () => need(client.POST("/api/projects/{project}/templates/preview", { params: { path: { project } }, body })),
    placeholderData: keepPreviousData,
  });
  if (error && !data) return <Stack><Fault error={error} /><Group><Button variant="subtle" leftSection={<IconArrowLeft size={16} />} onClick={back}>Other template</Button></Group></Stack>;
  if (!data) return <Skeleton height={260} />;
  const give = (job: string, name: string, text: string) =>
    setChanges((before) => {
      const { [name]: _gone, ...rest } = before[job] ?? {};
      return { ...before, [job]: text.trim() ? { ...rest, [name]: given(name, text) } : rest };
    });
  const apply = () =>
    action.mutate(
      { name: "apply_template", body: { template: data.content, changes, decisions: true }, told: `${counted(data.jobs.length, "job")} added` },
      { onSuccess: (jobs) => done(jobs as number[]) },
    );
  return (
    <Stack gap="sm">
      <div><Text fw={600}>{data.title}</Text><Text size="sm" c="dimmed">{data.summary}</Text></div>
      <Table fz="sm" verticalSpacing={2} aria-label="Jobs that are added">
        <Table.Thead><Table.Tr><Table.Th>Job</Table.Th><Table.Th>Type</Table.Th><Table.Th>Takes</Table.Th><Table.Th>Sets</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {data.jobs.map((job) => (
            <Table.Tr key={job.key}>
              <Table.Td>{job.title || job.key}</Table.Td><Table.Td>{job.type}</Table.Td><Table.Td>{job.inputs.join(", ") || "–"}</Table.Td>
              <Table.Td c="dimmed">{Object.entries(job.params).map(([name, value]) => `${name} ${valueText(value)}`).join("; ") || "–"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {Object.keys(data.settings).length > 0 && <Text size="sm">Settings it brings: {Object.entries(data.settings).map(([name, value]) => `${name} ${valueText(value)}`).join(", ")}</Text>}
      {data.decisions > 0 && <Text size="sm">{counted(data.decisions, "decision")} of people are applied to images of the same content or name.</Text>}
      {data.left_out.map((text) => <Text key={text} size="sm" c="dimmed">{sentence(text)}: not taken along</Text>)}
      {data.asks.map((ask) => (
        <TextInput key={`${ask.job}.${ask.name}`} label={`${ask.job}: ${ask.name}`} description={ask.help} required={ask.required} size="sm" placeholder={ask.kind === "input" ? "the newest job that fits; or J3" : undefined} onChange={(event) => give(ask.job, ask.name, event.currentTarget.value)} />
      ))}
      {data.fault && <Alert color="yellow" variant="light" icon={<IconAlertTriangle size={16} />} title={sentence(data.fault.message)}>{sentence(data.fault.hint)}</Alert>}
      <Group justify="space-between" className={jobClasses.foot}>
        <Button variant="subtle" leftSection={<IconArrowLeft size={16} />} onClick={back}>Other template</Button>
        <Button onClick={apply} disabled={data.fault !== null || settled !== changes} loading={action.isPending}>Add {counted(data.jobs.length, "job")}</Button>
      </Group>
    </Stack>
  );
}

/** What was typed as the server takes it: lists for folders and inputs, numbers where they are some. */
function given(name: string, text: string): unknown {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
  if (name === "sources" || name === "inputs") return parts;
  return text.trim() !== "" && !Number.isNaN(Number(text)) ? Number(text) : text.trim();
}
