import { Button, Group, NativeSelect, Skeleton, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, need, type Schemas } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { useMe, type Role } from "@/hooks/useMe";
import { useChange } from "./useAccount";

const ROLES = ["viewer", "operator", "owner"];
type Wish = { name: string; role: Role | null };

/** Who may see a project and change it, for its owners: change a role, take it away, let somebody in by name. */
export function ProjectRights({ project }: { project: string }) {
  const { data, error } = useQuery({
    queryKey: ["account", "rights", project],
    retry: false,
    queryFn: () => need(client.GET("/api/projects/{project}/rights", { params: { path: { project } } })),
  });
  const set = useChange(
    ({ name, role }: Wish) =>
      need(client.PUT("/api/projects/{project}/rights/{name}", { params: { path: { project, name } }, body: { role } })),
    (_, { name, role }) => (role ? `${name} is ${role} of this project` : `${name} has no right of their own here any more`),
  );
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={90} aria-label="Rights are asked for" />;
  return (
    <Stack gap="sm">
      {data.length === 0 && <Text size="sm" c="dimmed">Nobody else may see this project yet.</Text>}
      {data.length > 0 && (
        <Table fz="sm" verticalSpacing={3} aria-label="Users and their roles in this project">
          <Table.Thead>
            <Table.Tr><Table.Th>User</Table.Th><Table.Th>Role here</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.map((member) => <Row key={member.name} member={member} busy={set.isPending} change={set.mutate} />)}
          </Table.Tbody>
        </Table>
      )}
      <AddMember busy={set.isPending} add={(wish, done) => set.mutate(wish, { onSuccess: done })} />
    </Stack>
  );
}

function Row({ member, busy, change }: { member: Schemas["Member"]; busy: boolean; change: (wish: Wish) => void }) {
  const own = useMe().data?.name === member.name;
  const { name } = member;
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        {name}
        {own && " (you)"}
        {member.server && <Text size="xs" c="dimmed">{member.server} of the whole server</Text>}
      </Table.Td>
      <Table.Td w={230}>
        <Group gap={6} wrap="nowrap">
          <NativeSelect
            size="xs" aria-label={`Role of ${name}`} value={member.project ?? ""} disabled={busy || own}
            data={[...(member.project ? [] : [{ value: "", label: `as ${member.server} (server)` }]), ...ROLES]}
            onChange={(event) => event.currentTarget.value && change({ name, role: event.currentTarget.value as Role })}
          />
          {member.project && !own && (
            <Button size="compact-xs" variant="default" aria-label={`Remove the right of ${name}`} disabled={busy} onClick={() => change({ name, role: null })}>
              Remove
            </Button>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function AddMember({ busy, add }: { busy: boolean; add: (wish: Wish, done: () => void) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) add({ name: name.trim(), role }, () => setName(""));
  };
  return (
    <form onSubmit={submit} aria-label="Let a user in">
      <Group gap="xs" align="flex-end">
        <TextInput
          size="xs" label="User" autoComplete="off" maxLength={64} value={name} style={{ flex: "1 1 140px" }}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NativeSelect size="xs" label="Role" data={ROLES} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)} />
        <Button size="xs" type="submit" variant="default" disabled={busy || !name.trim()}>Add</Button>
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        Users have a name and a password on this server; its owner makes them under Server and account.
      </Text>
    </form>
  );
}
