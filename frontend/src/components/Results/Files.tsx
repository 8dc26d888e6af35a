import { Anchor, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useTask } from "@/components/Queue/queue";
import classes from "./Results.module.css";
import type { JobResult } from "./results";

/** The files of a job: of a set each to be fetched, of single images the lists of their names. */
export function Files({ project, result }: { project: string; result: JobResult }) {
  if (result.done === 0 || result.files.length === 0) return null;
  return (
    <section className={classes.card} aria-labelledby="files">
      <Title order={3} id="files" mb="xs">Files</Title>
      {result.scope === "set" ? <SetFiles project={project} job={result.job} /> : <Lists project={project} result={result} />}
    </section>
  );
}

function SetFiles({ project, job }: { project: string; job: number }) {
  const { data, error } = useTask(project, job, 0);
  if (error) return <Text size="sm" c="dimmed">The files are not there yet.</Text>;
  if (!data) return <Skeleton height={40} />;
  return (
    <Stack gap={4}>
      {data.files.map((file) => (
        <Anchor key={file} size="sm" href={`/api/projects/${project}/results/file?path=${encodeURIComponent(file)}`}>{file.split("/").pop()}</Anchor>
      ))}
    </Stack>
  );
}

function Lists({ project, result }: { project: string; result: JobResult }) {
  return (
    <>
      <Text size="sm" c="dimmed" mb={6}>Each image has these files. Here are the lists of their paths; single files are in the task of an image (Queue).</Text>
      <Table fz="sm" verticalSpacing={4}>
        <Table.Tbody>
          {result.files.map((file) => {
            const query = `slot=${encodeURIComponent(file.slot)}&name=${encodeURIComponent(file.name)}&absolute=true`;
            return (
              <Table.Tr key={`${file.slot}-${file.name}`}>
                <Table.Td>{file.slot.replace(/_/g, " ")}{file.name ? `, ${file.name}` : ""}</Table.Td>
                <Table.Td className="number">
                  <Anchor size="sm" href={`/api/projects/${project}/results/paths?${query}`} aria-label={`List of ${file.slot} ${file.name} files`}>list of files (txt)</Anchor>
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </>
  );
}
