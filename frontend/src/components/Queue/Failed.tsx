import { Button, Group, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Fragment } from "react";
import { sentence } from "@/components/Fault/Fault";
import { counted, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import classes from "./Queue.module.css";
import type { Queue, Reason } from "./queue";

/** What failed, one entry for each reason, with one button that tries all of it again. */
export function Failed({ project, queue, onOpen, onShow }: { project: string; queue: Queue; onOpen: (job: number, item: number) => void; onShow: (reason: Reason) => void }) {
  return (
    <section className={classes.card} aria-labelledby="failed-title">
      <div className={classes.head}>
        <Text fw={600} component="h2" id="failed-title">
          Failed and quarantined
        </Text>
      </div>
      {queue.failed.length === 0 && <StateBadge state="ok" word="nothing failed" />}
      {queue.failed.map((group) => (
        <ReasonEntry key={`${group.job}-${group.reason}`} project={project} group={group} title={queue.titles[group.job] ?? ""} onOpen={onOpen} onShow={() => onShow(group)} />
      ))}
    </section>
  );
}

function ReasonEntry({ project, group, title, onOpen, onShow }: { project: string; group: Reason; title: string; onOpen: (job: number, item: number) => void; onShow: () => void }) {
  const may = useMayChange(project);
  const action = useAction(project);
  const number = group.failed + group.quarantined;
  const retry = () => action.mutate({ name: "retry", body: { jobs: [`J${group.job}`], reason: group.reason }, told: `${counted(number, "task")} tried again` });
  return (
    <div className={classes.reason} role="group" aria-label={group.message}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="sm">
        <div style={{ minWidth: 0 }}>
          <Group gap={10}>
            {group.quarantined > 0 && <StateBadge state="quarantined" word={`${counted(group.quarantined, "task")} quarantined`} />}
            {group.failed > 0 && <StateBadge state="failed" word={`${counted(group.failed, "task")} failed, tried again at ${formatTime(group.retry_at, false)}`} />}
            <Text size="xs" c="dimmed">J{group.job} {title}, last at {formatTime(group.newest)}</Text>
          </Group>
          <Text size="sm" mt={2}>{sentence(group.message)}</Text>
          {group.hint && <Text size="sm" c="dimmed">{sentence(group.hint)}</Text>}
        </div>
        {may && (
          <Button size="compact-sm" variant="light" style={{ flexShrink: 0 }} leftSection={<IconRefresh size={14} />} onClick={retry} loading={action.isPending} aria-label={`Retry ${counted(number, "task")} of J${group.job}`}>
            Retry
          </Button>
        )}
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        {group.examples.map((example, place) => {
          const { item, name } = example;
          return (
            <Fragment key={item}>
              {place > 0 && ", "}
              <Text span size="xs" component="button" type="button" td="underline" onClick={() => onOpen(group.job, item)} className="plain" style={{ textDecoration: "underline", overflowWrap: "anywhere" }}>
                {name}
              </Text>
            </Fragment>
          );
        })}
        {number > group.examples.length && (
          <>
            {" "}and{" "}
            <Text span size="xs" component="button" type="button" onClick={onShow} className="plain" style={{ textDecoration: "underline" }}>
              {counted(number - group.examples.length, "more", "more")}
            </Text>
          </>
        )}
      </Text>
    </div>
  );
}
