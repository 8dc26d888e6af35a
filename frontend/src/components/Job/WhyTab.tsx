import { Button, Group, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import { useProjectKey } from "@/hooks/useProject";
import type { PanelActions } from "./JobPanel";
import type { JobPage } from "./queries";

/** In a sentence, what it waits for or why it failed, and the button for the remedy. */
export function WhyTab({ job, mayChange, actions, onTab }: { job: JobPage; mayChange: boolean; actions: PanelActions; onTab: (tab: string) => void }) {
  const project = useProjectKey();
  const stopped = job.state === "paused" || job.state === "cancelled";
  const before = job.sources[0];
  return (
    <Stack gap="sm">
      <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{job.why}</Text>
      {mayChange && (
        <Group gap="xs">
          {stopped && <Button size="compact-sm" onClick={actions.resume}>Resume the job</Button>}
          {job.bad > 0 && <Button size="compact-sm" onClick={actions.retry}>Retry what failed</Button>}
          {job.broken && <Button size="compact-sm" onClick={() => onTab("form")}>Open the form</Button>}
          {job.waits.length > 0 && <Button size="compact-sm" variant="light" onClick={() => onTab("form")}>Change what it waits for</Button>}
          {job.counts.waiting && before && <Button size="compact-sm" variant="light" onClick={() => actions.open(before.job)}>Look at J{before.job}</Button>}
        </Group>
      )}
      <Group gap="xs">
        <Button size="compact-sm" variant="default" component={Link} to={`/p/${project}/queue?job=${job.id}`}>Its tasks in the queue</Button>
        <Button size="compact-sm" variant="default" onClick={() => onTab("log")}>Its log</Button>
      </Group>
    </Stack>
  );
}
