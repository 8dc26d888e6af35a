import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useAction } from "@/hooks/useAction";

/** Set a task aside, with the reason. */
export function QuarantineDialog({ project, job, item, name, close }: { project: string; job: number; item: number; name: string; close: () => void }) {
  const [reason, setReason] = useState("");
  const action = useAction(project);
  const selection = { ids: [item] };
  const send = () =>
    action.mutate(
      {
        name: "quarantine",
        body: { job: `J${job}`, selection, reason },
        told: `${name} is quarantined`,
        undo: () => action.mutate({ name: "retry", body: { jobs: [`J${job}`], selection } }),
      },
      { onSuccess: close },
    );
  return (
    <Modal opened onClose={close} title={`Quarantine ${name}`}>
      <Stack gap="sm">
        <Text size="sm">J{job} and the jobs behind it leave this image out until it is retried.</Text>
        <Textarea label="Reason" required data-autofocus value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>Leave it</Button>
          <Button onClick={send} disabled={!reason.trim()} loading={action.isPending}>Quarantine</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
