import { Alert, Anchor, Progress, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { JobClasses } from "@/components/Classes/ClassStrip";
import { isClassJob } from "@/components/Classes/classes";
import { valueText, titleOf } from "@/components/Form/fields";
import { formatCount, formatDuration, formatTime, UNKNOWN } from "@/components/format";
import { ItemView } from "@/components/Image/ItemView";
import { lookOf } from "@/components/State/StateBadge";
import { flowText, pictureOf } from "@/components/Workflow/words";
import type { JobPage } from "./queries";

/** How far it is, how fast, what is set, and what the last result looks like. */
export function SummaryTab({ project, job, onTab }: { project: string; job: JobPage; onTab: (tab: string) => void }) {
  const { timing } = job;
  const done = job.counts.done ?? 0;
  const set = job.parameters.filter((entry) => entry.origin === "job");
  const view = pictureOf(job);
  return (
    <Stack gap="sm">
      <Text size="sm">{job.summary}</Text>
      {job.scope !== "source" && job.total > 0 && (
        <div>
          <Progress value={(100 * done) / job.total} aria-label={`${formatCount(done)} of ${formatCount(job.total)} done`} color={lookOf(job.state).colour} />
          <Text size="sm" mt={4}>{flowText(job)}{job.state === "running" && timing.seconds_left !== null ? ` · ${formatDuration(timing.seconds_left)} left` : ""}</Text>
        </div>
      )}
      <SimpleGrid cols={3} spacing="xs">
        <Figure label="Done in the last hour" value={formatCount(timing.done_last_hour)} />
        <Figure label="For one item" value={formatDuration(timing.seconds)} />
        <Figure label="Still to do" value={formatCount(timing.left)} />
        <Figure label="Time left" value={timing.left ? formatDuration(timing.seconds_left) : UNKNOWN} />
        <Figure label="Last result" value={formatTime(timing.finished, false)} title={formatTime(timing.finished)} />
        <Figure label="Revision" value={String(job.revision)} />
      </SimpleGrid>
      {Object.keys(job.counts).length > 1 && (
        <Text size="sm" c="dimmed">{Object.entries(job.counts).map(([state, number]) => `${formatCount(number)} ${lookOf(state).word}`).join(", ")}</Text>
      )}
      <Text size="sm">{job.output}</Text>
      {job.warnings.length > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle size={16} />} title="Warnings of the newest results">
          {job.warnings.slice(0, 6).map((one) => <Text key={one.text} size="sm">{one.text}{one.count > 1 ? ` (${one.count} items)` : ""}</Text>)}
        </Alert>
      )}
      {job.bad > 0 && <Anchor component="button" size="sm" c="var(--mantine-color-red-text)" ta="left" onClick={() => onTab("why")}>{formatCount(job.bad)} failed: see why</Anchor>}
      {view && job.last_item !== null && (
        <div style={{ maxWidth: 260 }}><ItemView project={project} item={job.last_item} view={view} size={512} label={true} /></div>
      )}
      {isClassJob(job) && <JobClasses project={project} job={job.id} />}
      {set.length > 0 && (
        <Table withRowBorders={false} verticalSpacing={2} horizontalSpacing={4} fz="sm" aria-label="What is set">
          <Table.Tbody>
            {set.map((entry) => (
              <Table.Tr key={entry.name}>
                <Table.Td c="dimmed" style={{ whiteSpace: "nowrap", verticalAlign: "top" }}>{titleOf(entry.name)}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{valueText(entry.value)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}

function Figure({ label, value, title }: { label: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <Text size="xs" c="dimmed" lineClamp={1}>{label}</Text>
      <Text size="sm" fw={600} style={{ fontVariantNumeric: "tabular-nums" }}>{value}</Text>
    </div>
  );
}
