import { Code, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import { Fault, sentence } from "@/components/Fault/Fault";
import { StateBadge } from "@/components/State/StateBadge";
import classes from "./Settings.module.css";

/** The user scripts of the project, and what is wrong with them. */
export function ScriptsCard({ project }: { project: string }) {
  const { data, error } = useQuery({
    queryKey: ["p", project, "scripts"],
    queryFn: () => need(client.GET("/api/projects/{project}/scripts", { params: { path: { project } } })),
  });
  return (
    <section className={classes.card} aria-labelledby="scripts-title">
      <Title order={2} id="scripts-title">Scripts</Title>
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={60} />}
      {data?.length === 0 && (
        <Text size="sm" c="dimmed">
          A script in the folder <Code>scripts</Code> of the project becomes a job type at once. The command <Code>vitreous script new</Code> writes a first version.
        </Text>
      )}
      {data?.map((script) => (
        <Stack key={script.file} gap={2}>
          <Text size="sm"><StateBadge state={script.ok ? "ok" : "broken"} word={script.file} />{script.title ? `: ${script.title}` : ""}</Text>
          {script.summary && <Text size="sm" c="dimmed">{script.summary}</Text>}
          {!script.ok && <Text size="sm">{script.line ? `Line ${script.line}: ` : ""}{sentence(script.reason)}. {sentence(script.hint)}</Text>}
        </Stack>
      ))}
    </section>
  );
}
