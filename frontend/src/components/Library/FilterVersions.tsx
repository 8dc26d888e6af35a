import { Button, Code, Group, Modal, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatTime } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import type { FilterLine } from "./SaveFilter";

/** The versions of a filter: what each let in and left out against the one of now, and the way back. */
export function FilterVersions({ project, job, mayChange, onClose }: { project: string; job: FilterLine; mayChange: boolean; onClose: () => void }) {
  const action = useAction(project);
  const path = { project, job: job.job };
  const { data, error } = useQuery({
    queryKey: ["p", project, "versions", job.job],
    queryFn: () => need(client.GET("/api/projects/{project}/filters/{job}/versions", { params: { path } })),
  });
  return (
    <Modal opened onClose={onClose} size="lg" title={<Text fw={600}>Versions of {job.title}</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={120} />}
      <Stack gap={12}>
        {data?.map((version, place) => (
          <Stack key={version.revision} gap={4} style={{ borderTop: place ? "1px solid var(--line)" : undefined, paddingTop: place ? 12 : 0 }}>
            <Group gap={8} justify="space-between">
              <Text size="sm" fw={600}>
                {place === 0 ? "Now" : `Version ${version.revision}`}
              </Text>
              <Text size="xs" c="dimmed">
                {formatTime(version.time)}, {version.author}
                {version.reason && `, ${version.reason}`}
              </Text>
            </Group>
            <Code>{version.expression}</Code>
            {(version.kept > 0 || version.refused > 0) && (
              <Text size="xs" c="dimmed">
                by hand: {version.kept} kept, {version.refused} rejected
              </Text>
            )}
            {place > 0 && <Difference project={project} job={job.job} before={version.revision} />}
          </Stack>
        ))}
        {mayChange && (data?.length ?? 0) > 1 && (
          <Group>
            <Button variant="light" loading={action.isPending} onClick={() => action.mutate({ name: "undo_edit", body: { job: job.job }, told: `${job.title} is as it was before` })}>
              Undo the last change
            </Button>
          </Group>
        )}
      </Stack>
    </Modal>
  );
}

function Difference({ project, job, before }: { project: string; job: number; before: number }) {
  const [open, setOpen] = useState(false);
  const { data, error, isFetching } = useQuery({
    queryKey: ["p", project, "diff", job, before],
    enabled: open,
    queryFn: () => need(client.GET("/api/projects/{project}/filters/{job}/diff", { params: { path: { project, job }, query: { before } } })),
  });
  if (error) return <Fault error={error} />;
  if (!data) {
    return (
      <Button size="compact-xs" variant="subtle" loading={isFetching} onClick={() => setOpen(true)} style={{ alignSelf: "flex-start" }}>
        What has changed since?
      </Button>
    );
  }
  const some = (names: string[]) => names.slice(0, 5).join(", ") + (names.length > 5 ? " …" : "");
  return (
    <Stack gap={2}>
      <Text size="sm">
        {counted(data.entered, "image")} came in, {counted(data.left, "image")} fell out since
      </Text>
      {data.entered_names.length > 0 && <Text size="xs" c="dimmed">in: {some(data.entered_names)}</Text>}
      {data.left_names.length > 0 && <Text size="xs" c="dimmed">out: {some(data.left_names)}</Text>}
    </Stack>
  );
}
