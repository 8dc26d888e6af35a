import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { counted } from "@/components/format";
import type { JobLine } from "@/components/Job/queries";
import { behind } from "./layout";

interface Props {
  jobs: readonly JobLine[];
  chosen: number[] | null;
  onClose: () => void;
  onRemove: (all: number[]) => void;
}

/** The one question of the page: a removed job takes its revisions and log with it. */
export function RemoveDialog({ jobs, chosen, onClose, onRemove }: Props) {
  const all = chosen ? [...behind(jobs, chosen)] : [];
  const others = all.filter((job) => !chosen?.includes(job));
  const results = jobs.filter((job) => all.includes(job.id)).reduce((sum, job) => sum + (job.counts.done ?? 0), 0);
  return (
    <Modal opened={chosen !== null} onClose={onClose} title={<Text fw={600}>Remove {counted(all.length, "job")}?</Text>} centered>
      <Stack gap="sm">
        <Text size="sm">
          {(chosen ?? []).map((job) => `J${job}`).join(", ")}
          {others.length > 0 && ` and what stands behind: ${others.slice(0, 12).map((job) => `J${job}`).join(", ")}${others.length > 12 ? " …" : ""}`}
        </Text>
        <Text size="sm">
          {counted(results, "result")} leave the project’s table; their files stay on the disk until they are cleaned away, and are found again by an equal job. Parameters, revisions and log of the jobs are gone.
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>Keep them</Button>
          <Button color="red" data-autofocus onClick={() => onRemove(all)}>Remove</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
