import { Button, Skeleton, Stack, Table } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconUsers } from "@tabler/icons-react";
import type { Me } from "@/client/client";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { useUrlState } from "@/hooks/useUrlState";
import classes from "./Account.module.css";
import { Section } from "./Section";
import { useUsers } from "./useAccount";
import { UserDrawer } from "./UserDrawer";
import { UserForm } from "./UserForm";
import { UserRow } from "./UserRow";

/** All users, and adding one. */
export function UsersPanel({ me }: { me: Me }) {
  const users = useUsers();
  const [open, { open: show, close }] = useDisclosure(false);
  const [chosen, setChosen] = useUrlState("user", "", false);
  const user = users.data?.find((one) => String(one.id) === chosen);
  const none = users.data?.length === 0;
  return (
    <Section
      title="Users"
      help="A role on the server holds in all projects: a viewer looks, an operator works, an owner also decides who may come in."
      action={
        !none && (
          <Button variant="light" size="compact-md" onClick={show}>
            Add user
          </Button>
        )
      }
    >
      <Stack gap="sm">
        {open && <UserForm close={close} />}
        {users.error && <Fault error={users.error} retry={() => void users.refetch()} />}
        {users.isPending && <Skeleton height={100} />}
        {none && !open && (
          <Empty icon={<IconUsers size={32} aria-hidden />} title="Only you come in" action={<Button onClick={show}>Add user</Button>}>
            The address that the server printed is the only way in. With users, others sign in by name and password, and the
            server may listen beyond this machine.
          </Empty>
        )}
        {users.data && users.data.length > 0 && (
          <div className={classes.scroll}>
            <Table verticalSpacing={4} highlightOnHover aria-label="Users">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Name</Table.Th>
                  <Table.Th>On the server</Table.Th>
                  <Table.Th>In projects</Table.Th>
                  <Table.Th>Last here</Table.Th>
                  <Table.Th aria-label="Change" />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {users.data.map((one) => (
                  <UserRow key={one.id} user={one} choose={() => setChosen(String(one.id))} />
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </Stack>
      <UserDrawer user={user} me={me} close={() => setChosen("")} />
    </Section>
  );
}
