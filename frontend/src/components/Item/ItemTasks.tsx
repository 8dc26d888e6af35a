import { Anchor, Group, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Schemas } from "@/client/client";
import { sentence } from "@/components/Fault/Fault";
import { formatDuration, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";

/** The steps of an item: how far each is, how long it took, why it failed. */
export function ItemTasks({ project, item }: { project: string; item: Schemas["ItemView"] }) {
  if (item.tasks.length === 0) return <Text size="sm">No step has begun</Text>;
  return (
    <Stack gap={4}>
      {item.tasks.map((task) => (
        <div key={task.job}>
          <Group gap={8} wrap="nowrap" justify="space-between">
            <Anchor size="sm" c="var(--mantine-color-text)" truncate component={Link} to={`/p/${project}/workflow?job=${task.job}`}>
              J{task.job} {task.title}
            </Anchor>
            <Group gap={8} wrap="nowrap" title={task.finished ? `finished ${formatTime(task.finished)}${task.worker ? ` on ${task.worker}` : ""}` : undefined}>
              {task.seconds != null && (
                <Text size="xs" c="dimmed">
                  {formatDuration(task.seconds)}
                </Text>
              )}
              <StateBadge state={task.state} />
            </Group>
          </Group>
          {task.error && task.state !== "done" && (
            <Text size="xs" c="var(--mantine-color-red-text)">
              {sentence(String(task.error.message ?? ""))}
              {task.error.hint ? `. ${sentence(String(task.error.hint))}` : ""}
            </Text>
          )}
          {task.warnings.map((text) => (
            <Text key={text} size="xs" c="dimmed">
              {sentence(text)}
            </Text>
          ))}
        </div>
      ))}
    </Stack>
  );
}
