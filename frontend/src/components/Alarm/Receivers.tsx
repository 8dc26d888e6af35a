import { ActionIcon, Badge, Button, Group, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconPencil, IconPlus, IconSend, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { StateBadge } from "@/components/State/StateBadge";
import { tell } from "@/hooks/useAction";
import { hasRole, useMe } from "@/hooks/useMe";
import { ReceiverForm } from "./ReceiverForm";
import { useReceivers, useSetReceivers, useTestReceivers, type ReceiverGiven, type ReceiverView } from "./useAlarms";

/** Who is told of alarms; addresses are shown without what is secret in them. */
export function Receivers({ project }: { project: string }) {
  const me = useMe().data;
  const operator = hasRole(me, "operator", project);
  const owner = hasRole(me, "owner", project);
  const receivers = useReceivers(project, operator);
  const set = useSetReceivers(project);
  const [editing, setEditing] = useState<string | null>(null);
  if (!operator) return <Text c="dimmed">Operators of the project may see who is told of alarms.</Text>;
  if (receivers.error && !receivers.data) return <Fault error={receivers.error} retry={() => void receivers.refetch()} />;
  if (!receivers.data) return <Skeleton h={120} aria-label="loading receivers" />;
  const own = receivers.data.filter((entry) => entry.origin === "project");
  const kept = (but?: string): ReceiverGiven[] =>
    own.filter((entry) => entry.name !== but).map(({ name, level, active }) => ({ name, level, active }));
  const save = (given: ReceiverGiven) =>
    set.mutate(given.before ? kept().map((entry) => (entry.name === given.before ? given : entry)) : [...kept(), given], {
      onSuccess: () => setEditing(null),
    });
  const remove = (name: string) => set.mutate(kept(name), { onSuccess: () => tell(`${name} is no longer told`) });
  return (
    <Stack gap="sm">
      <Title order={2}>Who is told</Title>
      <Text size="sm" c="dimmed">
        By e-mail, a webhook, or any service of Apprise. Addresses hold passwords: they are kept in a file that only the
        project&apos;s owner can read, and never shown again.
      </Text>
      {receivers.data.length === 0 && editing === null && <Text>Nobody is told yet.</Text>}
      {receivers.data.length > 0 && (
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing={4} aria-label="Receivers of alarms">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Receiver</Table.Th>
                <Table.Th>Address</Table.Th>
                <Table.Th>Told from</Table.Th>
                <Table.Th aria-label="Actions" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {receivers.data.map((entry) => (
                <Line
                  key={`${entry.origin} ${entry.name}`}
                  project={project}
                  receiver={entry}
                  edit={owner && entry.origin === "project" ? () => setEditing(entry.name) : undefined}
                  remove={owner && entry.origin === "project" ? () => remove(entry.name) : undefined}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {editing !== null && (
        <ReceiverForm
          key={editing}
          receiver={own.find((entry) => entry.name === editing)}
          busy={set.isPending}
          save={save}
          cancel={() => setEditing(null)}
        />
      )}
      {owner && editing === null && (
        <Group>
          <Button variant="light" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEditing("")}>
            Add receiver
          </Button>
        </Group>
      )}
    </Stack>
  );
}

interface LineProps {
  project: string;
  receiver: ReceiverView;
  edit?: () => void;
  remove?: () => void;
}

function Line({ project, receiver, edit, remove }: LineProps) {
  const test = useTestReceivers(project);
  const result = test.data?.[0];
  return (
    <Table.Tr>
      <Table.Td>
        {receiver.name}{" "}
        {!receiver.active && (
          <Badge variant="default" radius="sm" tt="none">
            off
          </Badge>
        )}
      </Table.Td>
      <Table.Td>
        <Text size="sm" ff="monospace">
          {receiver.url}
        </Text>
        <div aria-live="polite">
          {result && <StateBadge state={result.ok ? "done" : "failed"} word={result.message} />}
        </div>
      </Table.Td>
      <Table.Td>
        <StateBadge state={receiver.level} word={receiver.level} />
      </Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconSend size={14} aria-hidden />}
            loading={test.isPending}
            onClick={() => test.mutate(receiver.name)}
            aria-label={`Test ${receiver.name}`}
          >
            Test
          </Button>
          {edit && (
            <ActionIcon variant="subtle" aria-label={`Edit ${receiver.name}`} onClick={edit}>
              <IconPencil size={16} aria-hidden />
            </ActionIcon>
          )}
          {remove && (
            <ActionIcon variant="subtle" color="red" aria-label={`Remove ${receiver.name}`} onClick={remove}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
