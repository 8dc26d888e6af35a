import { Anchor, Button, Group, Table, Text } from "@mantine/core";
import { IconBan } from "@tabler/icons-react";
import type { Schemas } from "@/client/client";
import { formatTime, UNKNOWN } from "@/components/format";
import classes from "./Account.module.css";

/** One user in the table. */
export function UserRow({ user, choose }: { user: Schemas["UserLine"]; choose: () => void }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap={6} wrap="nowrap">
          <Anchor component="button" type="button" size="sm" fw={600} ta="left" onClick={choose}>
            {user.name}
          </Anchor>
          {user.disabled && (
            <Group gap={2} wrap="nowrap" c="dimmed">
              <IconBan size={14} aria-hidden />
              <Text size="xs" span>
                disabled
              </Text>
            </Group>
          )}
        </Group>
      </Table.Td>
      <Table.Td>{user.role ?? UNKNOWN}</Table.Td>
      <Table.Td className={classes.folder}>
        {user.rights.length === 0
          ? UNKNOWN
          : user.rights.map((right) => (
              <div key={right.folder} title={right.folder}>
                {right.role} of {right.project ?? right.folder}
              </div>
            ))}
      </Table.Td>
      <Table.Td className={classes.plain}>{formatTime(user.seen)}</Table.Td>
      <Table.Td ta="right">
        <Button variant="subtle" size="compact-sm" onClick={choose} aria-label={`Change ${user.name}`}>
          Change
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}
