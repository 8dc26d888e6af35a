import { NativeSelect, Skeleton, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { asFault, client, need } from "@/client/client";
import { Fault, showFault } from "@/components/Fault/Fault";
import type { Role } from "@/hooks/useMe";
import classes from "./Settings.module.css";

/** Who may see and change the project. */
export function RightsCard({ project }: { project: string }) {
  const queries = useQueryClient();
  const key = ["rights", project];
  const { data, error } = useQuery({
    queryKey: key,
    retry: false,
    queryFn: () => need(client.GET("/api/projects/{project}/rights", { params: { path: { project } } })),
  });
  const set = useMutation({
    mutationFn: ({ name, role }: { name: string; role: Role | null }) =>
      need(client.PUT("/api/projects/{project}/rights/{name}", { params: { path: { project, name } }, body: { role } })),
    onSuccess: (members) => queries.setQueryData(key, members),
    onError: (fault) => showFault(asFault(fault)),
  });
  return (
    <section className={classes.card} aria-labelledby="rights-title">
      <Title order={2} id="rights-title">Rights of users</Title>
      {error && (asFault(error).status === 404 || asFault(error).status >= 500 ? <Text size="sm" c="dimmed">This server has one user: who opened it.</Text> : <Fault error={error} />)}
      {!data && !error && <Skeleton height={60} />}
      {data?.length === 0 && <Text size="sm" c="dimmed">No user has an account yet. Make accounts under Server and account.</Text>}
      {data && data.length > 0 && (
        <Table fz="sm" verticalSpacing={3}>
          <Table.Tbody>
            {data.map((member) => (
              <Table.Tr key={member.name}>
                <Table.Td>{member.name}</Table.Td>
                <Table.Td w={190}>
                  <NativeSelect size="xs" aria-label={`Role of ${member.name}`} value={member.project ?? ""} disabled={set.isPending}
                    data={[{ value: "", label: member.server ? `as ${member.server} (server)` : "no access" }, "viewer", "operator", "owner"]}
                    onChange={(event) => set.mutate({ name: member.name, role: (event.currentTarget.value || null) as Role | null })} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
