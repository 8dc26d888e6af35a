import { Button, Group, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import { Fault, sentence } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { EffectOfChange } from "./EffectOfChange";
import classes from "./Settings.module.css";

/** What the check of the first movies found, and what it proposes. */
export function PreflightCard({ project }: { project: string }) {
  const may = useMayChange(project);
  const action = useAction(project);
  const { data, error } = useQuery({
    queryKey: ["p", project, "preflight"],
    queryFn: () => need(client.GET("/api/projects/{project}/preflight", { params: { path: { project } } })),
  });
  const settings = useQuery({
    queryKey: ["p", project, "settings"],
    queryFn: () => need(client.GET("/api/projects/{project}/settings", { params: { path: { project } } })),
  }).data;
  const now = new Map((settings ?? []).map((field) => [field.name, field.value]));
  const open = Object.entries(data?.proposal ?? {}).filter(([name, value]) => now.has(name) && JSON.stringify(now.get(name)) !== JSON.stringify(value));
  return (
    <section className={classes.card} aria-labelledby="preflight-title">
      <Title order={2} id="preflight-title">Check of the first movies</Title>
      {error && <Fault error={error} />}
      {data === null && <Text size="sm" c="dimmed">No check was made. Add the job “Check the first movies” behind an import in the workflow.</Text>}
      {data && (
        <>
          <Text size="sm" c="dimmed">{counted(data.movies, "movie")} checked</Text>
          <Table fz="sm" verticalSpacing={4}>
            <Table.Tbody>
              {data.findings.map((finding) => (
                <Table.Tr key={finding.check}>
                  <Table.Td w={110}><StateBadge state={finding.ok === true ? "ok" : finding.ok === false ? "mild" : "unknown"} /></Table.Td>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>{sentence(finding.message)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {open.length === 0 && settings && <StateBadge state="ok" word="the settings are as it proposes" />}
          {open.length > 0 && (
            <>
              <Text size="sm">Proposed: {open.map(([name, value]) => `${name.replace(/_/g, " ")} = ${String(value)}`).join(", ")}</Text>
              <EffectOfChange project={project} changes={Object.fromEntries(open)}>
                {(allowed) => (
                  <Group>
                    <Button size="compact-md" disabled={!may || !allowed} loading={action.isPending} onClick={() => action.mutate({ name: "apply_proposal", body: {}, told: "The proposed settings are set" })}>Apply the proposal</Button>
                  </Group>
                )}
              </EffectOfChange>
            </>
          )}
        </>
      )}
    </section>
  );
}
