import { Anchor, Button, Code, Drawer, Group, List, Skeleton, Stack, Table, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { Link } from "react-router";
import { Fault, sentence } from "@/components/Fault/Fault";
import { formatDuration, formatNumber, formatTime, UNKNOWN } from "@/components/format";
import { libraryUrl } from "@/components/Results/results";
import { StateBadge } from "@/components/State/StateBadge";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { QuarantineDialog } from "./QuarantineDialog";
import { useTask, type TaskDetail } from "./queue";

/** All of one task at the side. */
export function TaskPanel({ project, job, item, close }: { project: string; job: number; item: number; close: () => void }) {
  const { data, error, refetch } = useTask(project, job, item);
  return (
    <Drawer opened onClose={close} position="right" size="md" withOverlay={false} lockScroll={false} trapFocus={false} shadow="md" title={data ? `${data.line.name}, J${job}` : `Task of J${job}`} closeButtonProps={{ "aria-label": "Close the task" }}>
      {error && <Fault error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton height={200} />}
      {data && <Details project={project} task={data} />}
    </Drawer>
  );
}

function Details({ project, task }: { project: string; task: TaskDetail }) {
  const { line } = task;
  const failed = line.state === "failed" || line.state === "quarantined";
  const rows: [string, ReactNode][] = [
    ["Job", <Anchor key="job" size="sm" component={Link} to={`/p/${project}/workflow?job=${line.job}`}>J{line.job} {task.title}</Anchor>],
    ["State", <StateBadge key="state" state={line.state} />],
    ["Tries", line.tries],
    ["Begun", formatTime(line.started)],
    ["Ended", formatTime(line.finished)],
    ["Time at work", line.seconds === null ? UNKNOWN : `${formatNumber(line.seconds, 2)} s`],
    ["Worker", line.worker ?? UNKNOWN],
  ];
  if (line.started && line.finished) rows.splice(5, 0, ["From begin to end", formatDuration(line.finished - line.started)]);
  if (line.retry_at && line.state === "failed") rows.push(["Tried again", formatTime(line.retry_at)]);
  return (
    <Stack gap="md">
      <Text size="sm">{sentence(task.why)}</Text>
      {failed && (
        <Stack gap={4}>
          <Text size="sm" fw={600}>{sentence(line.message ?? "It failed")}</Text>
          {line.hint && <Text size="sm">{sentence(line.hint)}</Text>}
          {task.code && <Text size="xs" c="dimmed">{task.code}</Text>}
        </Stack>
      )}
      <Buttons project={project} task={task} failed={failed} />
      <Table withRowBorders={false} verticalSpacing={2} fz="sm">
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Td c="dimmed" w={130} pl={0}>{name}</Table.Td>
              <Table.Td>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {task.warnings.length > 0 && <Part title="Warnings"><List size="sm">{task.warnings.map((text) => <List.Item key={text}>{text}</List.Item>)}</List></Part>}
      {task.log && <Part title="End of its log"><Code block style={{ maxHeight: 320, overflow: "auto" }}>{task.log}</Code></Part>}
      {Object.keys(task.context).length > 0 && <Part title="Details"><Code block>{JSON.stringify(task.context, null, 2)}</Code></Part>}
      {task.files.length > 0 && (
        <Part title="Files">
          <Stack gap={2}>
            {task.files.map((file) => (
              <Anchor key={file} size="sm" href={`/api/projects/${project}/results/file?path=${encodeURIComponent(file)}`} style={{ overflowWrap: "anywhere" }}>{file.split("/").pop()}</Anchor>
            ))}
          </Stack>
        </Part>
      )}
      {task.events.length > 0 && (
        <Part title="Log">
          <Stack gap={2}>
            {task.events.map((event) => <Text size="sm" key={event.seq}><Text span c="dimmed" size="sm">{formatTime(event.time)}</Text> {event.message}</Text>)}
          </Stack>
        </Part>
      )}
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Text fw={600} size="sm" component="h3" mb={4}>{title}</Text>
      {children}
    </section>
  );
}

function Buttons({ project, task, failed }: { project: string; task: TaskDetail; failed: boolean }) {
  const may = useMayChange(project);
  const action = useAction(project);
  const [asking, setAsking] = useState(false);
  const { job, item, name, state } = task.line;
  if (!may || item === 0) return null;
  const selection = { ids: [item] };
  const word = state === "quarantined" ? "Take it back and retry" : "Retry";
  return (
    <Group gap="xs">
      {failed && <Button size="compact-sm" loading={action.isPending} onClick={() => action.mutate({ name: "retry", body: { jobs: [`J${job}`], selection }, told: `${name} is tried again` })}>{word}</Button>}
      {state !== "quarantined" && <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>Quarantine …</Button>}
      {["waiting", "ready"].includes(state) && <Button size="compact-sm" variant="default" onClick={() => action.mutate({ name: "order_items", body: { selection, place: "first" }, told: `${name} comes first` })}>Do it first</Button>}
      <Button size="compact-sm" variant="subtle" component={Link} to={libraryUrl(project, `id == ${item}`)}>Show the image</Button>
      {asking && <QuarantineDialog project={project} job={job} item={item} name={name} close={() => setAsking(false)} />}
    </Group>
  );
}
