import { Button, Group, Text } from "@mantine/core";

/** What was done, and the button that takes it back. */
export function UndoLine({ message, undo }: { message: string; undo: () => void }) {
  return (
    <Group justify="space-between" wrap="nowrap" gap="xs">
      <Text size="sm">{message}</Text>
      <Button size="compact-sm" variant="light" onClick={undo}>
        Undo
      </Button>
    </Group>
  );
}
