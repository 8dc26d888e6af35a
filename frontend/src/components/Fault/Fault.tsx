import { Alert, Button, Code, Collapse, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import { asFault, type Fault as FaultShape } from "@/client/client";

/** A fault for people: what happened, what to do, the code; the rest behind "details". */
export function Fault({ error, retry }: { error: unknown; retry?: () => void }) {
  const fault = asFault(error);
  const [open, { toggle }] = useDisclosure(false);
  const more = Object.keys(fault.context).length > 0;
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title={sentence(fault.message)} role="alert">
      <Stack gap={6} align="flex-start">
        {fault.hint && <Text size="sm">{sentence(fault.hint)}</Text>}
        <Text size="xs" c="dimmed">
          {fault.code}
          {fault.status ? ` ${fault.status}` : ""}{" "}
          {more && (
            <Button size="compact-xs" variant="subtle" onClick={toggle} aria-expanded={open}>
              details
            </Button>
          )}
        </Text>
        <Collapse expanded={open}>
          <Code block>{JSON.stringify(fault.context, null, 2)}</Code>
        </Collapse>
        {retry && (
          <Button size="compact-sm" variant="light" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** Tell of a fault in a corner; it stays until it is closed. */
export function showFault(fault: FaultShape): void {
  notifications.show({ color: "red", title: sentence(fault.message), message: sentence(fault.hint), autoClose: 15000 });
}

/** The first letter large. */
export function sentence(text: string): string {
  return text ? text[0]!.toUpperCase() + text.slice(1) : text;
}
