import { Anchor, Badge, Group, Stack, Table, Text } from "@mantine/core";
import { formatCount } from "@/components/format";
import type { JobPage } from "./queries";

/** Where items come from, how many, and what they gain here. */
export function FlowTab({ job, open }: { job: JobPage; open: (job: number) => void }) {
  return (
    <Stack gap="md">
      <section aria-label="Inputs">
        <Text fw={600} size="sm">Inputs</Text>
        {job.sources.length === 0 && <Text size="sm" c="dimmed">It brings items in.</Text>}
        {job.sources.map((source) => (
          <Group key={`${source.job}:${source.output}`} justify="space-between" gap="xs">
            <Anchor component="button" size="sm" onClick={() => open(source.job)}>J{source.job} {source.title}{source.output === "items" ? "" : ` (${source.output.replace("_", " ")})`}</Anchor>
            <Text size="sm" className="number">{formatCount(source.count)} items</Text>
          </Group>
        ))}
        {job.needs.length > 0 && <Group gap={4} mt={4}>{job.needs.map((need) => <Badge key={need} size="sm" variant="default" tt="none">needs {need.split("|").join(" or ")}</Badge>)}</Group>}
      </section>
      <section aria-label="Outputs">
        <Text fw={600} size="sm">Outputs</Text>
        {job.outputs.map((output) => (
          <Group key={output} justify="space-between"><Text size="sm">{output === "items" && job.outputs.includes("rejected") ? "kept" : output.replace("_", " ")}</Text><Text size="sm" className="number">{formatCount(job.given[output])} items</Text></Group>
        ))}
        {Object.keys(job.files).length > 0 && <Text size="sm" c="dimmed">Files of the camera: {Object.entries(job.files).map(([state, count]) => `${formatCount(count)} ${state}`).join(", ")}</Text>}
        {job.targets.length > 0 && (
          <Group gap="xs" mt={4}><Text size="sm" c="dimmed">Goes on to</Text>{job.targets.slice(0, 12).map((target) => <Anchor key={target} component="button" size="sm" onClick={() => open(target)}>J{target}</Anchor>)}</Group>
        )}
        {job.folder && <Text size="sm" c="dimmed" mt={4}>Files lie in {job.folder}</Text>}
      </section>
      {job.columns.length > 0 && (
        <Table fz="sm" verticalSpacing={2} horizontalSpacing={4} aria-label="Columns that it gives">
          <Table.Thead><Table.Tr><Table.Th>Column</Table.Th><Table.Th>Unit</Table.Th><Table.Th>Meaning</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {job.columns.map((column) => (
              <Table.Tr key={column.name}><Table.Td ff="monospace" fz="xs">{column.name}</Table.Td><Table.Td>{column.unit ?? "–"}</Table.Td><Table.Td c="dimmed">{column.meaning}</Table.Td></Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}
