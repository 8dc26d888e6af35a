import { Button, Card, Group, Text } from "@mantine/core";
import { titleOf, valueText } from "@/components/Form/fields";
import { useJob, useJobs } from "@/components/Job/queries";
import { useAction } from "@/hooks/useAction";

/** A setting that was found with one job (on a subset) taken over by another of its type, for all that comes. */
export function Adopt({ project, job }: { project: string; job: number }) {
  const jobs = useJobs(project).data?.jobs ?? [];
  const own = jobs.find((one) => one.id === job);
  const others = jobs.filter((one) => own && one.type === own.type && one.id !== job);
  if (others.length === 0) return null;
  return (
    <Card withBorder padding="sm" component="section" aria-label="Settings of other jobs">
      {others.slice(0, 6).map((other) => (
        <One key={other.id} project={project} from={job} to={other.id} title={other.title} />
      ))}
    </Card>
  );
}

function One({ project, from, to, title }: { project: string; from: number; to: number; title: string }) {
  const action = useAction(project);
  const [found, target] = [useJob(project, from).data, useJob(project, to).data];
  if (!found || !target || found.id !== from || target.id !== to) return null;
  const names = [...new Set([...Object.keys(found.params), ...Object.keys(target.params)])].filter((name) => JSON.stringify(found.params[name]) !== JSON.stringify(target.params[name]));
  const unset = (params: Record<string, unknown>, before: Record<string, unknown>) => Object.keys(before).filter((name) => params[name] === undefined);
  const adopt = () =>
    action.mutate({
      name: "edit_job",
      body: { job: to, params: found.params, unset: unset(found.params, target.params), reason: `settings of J${from}` },
      told: `J${to} has the settings of J${from} now`,
      undo: () => action.mutate({ name: "edit_job", body: { job: to, params: target.params, unset: unset(target.params, found.params), reason: "undo" } }),
    });
  return (
    <Group justify="space-between" wrap="wrap" gap="xs" py={4}>
      <Text size="sm" style={{ flex: "1 1 260px" }}>
        <b>J{to}</b> {title}:{" "}
        {names.length ? names.map((name) => `${titleOf(name).toLowerCase()} ${valueText(target.params[name])} → ${valueText(found.params[name])}`).join("; ") : "the same settings"}
      </Text>
      <Button size="xs" variant="default" disabled={names.length === 0} loading={action.isPending} onClick={adopt}>
        Use the settings of J{from} for J{to}
      </Button>
    </Group>
  );
}
