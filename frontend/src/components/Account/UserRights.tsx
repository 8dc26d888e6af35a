import { NativeSelect, Skeleton, Stack, Table, Text } from "@mantine/core";
import { client, need, type Schemas } from "@/client/client";
import { useProjects } from "@/hooks/useProject";
import type { Role } from "@/hooks/useMe";
import { useChange } from "./useAccount";

/** The role of a user in each project that the server shows. */
export function UserRights({ user }: { user: Schemas["UserLine"] }) {
  const projects = useProjects().data;
  const set = useChange(({ project, role }: { project: string; role: Role | null }) =>
    need(client.PUT("/api/projects/{project}/rights/{name}", { params: { path: { project, name: user.name } }, body: { role } })),
  );
  if (!projects) return <Skeleton height={60} />;
  const elsewhere = user.rights.filter((right) => right.project === null);
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        In projects
      </Text>
      <Table verticalSpacing={2} aria-label={`Rights of ${user.name} in projects`}>
        <Table.Tbody>
          {projects.map((project) => (
            <Table.Tr key={project.key}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{String(project.brief.title ?? project.key)}</Table.Td>
              <Table.Td w={150}>
                <NativeSelect
                  size="xs" aria-label={`Role of ${user.name} in ${project.key}`}
                  value={user.rights.find((right) => right.project === project.key)?.role ?? ""}
                  data={[{ value: "", label: user.role ? `as ${user.role} (server)` : "no access" }, "viewer", "operator", "owner"]}
                  onChange={(event) => set.mutate({ project: project.key, role: (event.currentTarget.value || null) as Role | null })}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {elsewhere.length > 0 && (
        <Text size="xs" c="dimmed">
          Also {elsewhere.map((right) => `${right.role} of ${right.folder}`).join(", ")}, which this server doesn't show now.
        </Text>
      )}
    </Stack>
  );
}
