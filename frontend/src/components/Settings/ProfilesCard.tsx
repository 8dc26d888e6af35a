import { Skeleton, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { StateBadge } from "@/components/State/StateBadge";
import classes from "./Settings.module.css";

/** Where the work may run. */
export function ProfilesCard({ project }: { project: string }) {
  const params = { params: { path: { project } } };
  const { data, error } = useQuery({ queryKey: ["p", project, "profiles"], queryFn: () => need(client.GET("/api/projects/{project}/engine/profiles", params)) });
  const engine = useQuery({ queryKey: ["p", project, "engine"], queryFn: () => need(client.GET("/api/projects/{project}/engine", params)) }).data;
  return (
    <section className={classes.card} aria-labelledby="profiles-title">
      <Title order={2} id="profiles-title">Run profiles</Title>
      {engine && <Text size="sm">{engine.running && engine.profile ? `The engine runs with the profile ${engine.profile}.` : "The profile is chosen when the engine is started."}</Text>}
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={60} />}
      {data && (
        <Table fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr><Table.Th>Profile</Table.Th><Table.Th>Kind</Table.Th><Table.Th>Workers</Table.Th><Table.Th>From</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.map((profile) => (
              <Table.Tr key={profile.name}>
                <Table.Td>
                  {profile.name}
                  {profile.findings.map((text) => <div key={text}><StateBadge state="mild" word={text} /></div>)}
                </Table.Td>
                <Table.Td>{profile.kind}</Table.Td>
                <Table.Td>{profile.workers}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{profile.origin ?? "built in"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
