import { Button, Group, Modal, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatBytes, formatCount } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import classes from "./Settings.module.css";

/** Room that the project takes, and the removal of what nothing shows any more. */
export function DiskCard({ project, owner }: { project: string; owner: boolean }) {
  const [measured, setMeasured] = useState(false);
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["disk", project],
    enabled: measured,
    queryFn: () => need(client.GET("/api/projects/{project}/disk", { params: { path: { project } } })),
  });
  const measure = () => (measured ? void refetch() : setMeasured(true));
  return (
    <section className={classes.card} aria-labelledby="disk-title">
      <Group justify="space-between">
        <Title order={2} id="disk-title">Disk</Title>
        <Button size="compact-sm" variant="default" onClick={measure} loading={isFetching}>{data ? "Measure again" : "Measure"}</Button>
      </Group>
      {!data && !error && <Text size="sm" c="dimmed">Measuring looks at every file of the project, which takes a while where there are many.</Text>}
      {error && <Fault error={error} />}
      {data && (
        <>
          <Text size="sm">{formatBytes(data.free)} of {formatBytes(data.total)} free</Text>
          <Progress value={(100 * (data.total - data.free)) / data.total} aria-label="Room taken on the disk" />
          <Table fz="sm" verticalSpacing={3}>
            <Table.Thead>
              <Table.Tr><Table.Th>Folder</Table.Th><Table.Th className="number">Files</Table.Th><Table.Th className="number">Size</Table.Th></Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.folders.slice(0, 12).map((folder) => (
                <Table.Tr key={folder.folder}>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>{folder.folder}</Table.Td>
                  <Table.Td className="number">{formatCount(folder.files)}</Table.Td>
                  <Table.Td className="number">{formatBytes(folder.bytes)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {data.left_folders === 0 ? (
            <Text size="sm" c="dimmed">Nothing can be cleaned: every result is shown by a job.</Text>
          ) : (
            <Clean project={project} owner={owner} folders={data.left_folders} bytes={data.left_bytes} done={() => void refetch()} />
          )}
        </>
      )}
    </section>
  );
}

function Clean({ project, owner, folders, bytes, done }: { project: string; owner: boolean; folders: number; bytes: number; done: () => void }) {
  const action = useAction(project);
  const [asking, setAsking] = useState(false);
  const clean = () =>
    action.mutate({ name: "clean", body: { dry_run: false }, told: `${counted(folders, "folder")} removed` }, { onSuccess: () => { setAsking(false); done(); } });
  return (
    <Group gap="sm">
      <Text size="sm">{counted(folders, "folder")} with {formatBytes(bytes)} hold results that no job shows any more.</Text>
      {owner ? (
        <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>Clean …</Button>
      ) : (
        <Text size="sm" c="dimmed">An owner of the project may remove them.</Text>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title="Remove results that nothing shows?">
        <Stack gap="sm">
          <Text size="sm">{counted(folders, "folder")}, {formatBytes(bytes)}. They are computed again if their parameters ever come back.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)}>Keep them</Button>
            <Button color="red" onClick={clean} loading={action.isPending}>Remove them</Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  );
}
