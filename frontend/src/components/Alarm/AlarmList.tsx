/** What is wrong with the session now, the likely cause, what to do; and what was. */
import { Skeleton, Stack, Text, Title } from "@mantine/core";
import { StateBadge } from "@/components/State/StateBadge";
import { Fault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { AlarmCard } from "./AlarmCard";
import { AlarmHistory } from "./AlarmHistory";
import { useAlarms } from "./useAlarms";

export function AlarmList({ project, history = true }: { project: string; history?: boolean }) {
  const alarms = useAlarms(project);
  if (alarms.error && !alarms.data) return <Fault error={alarms.error} retry={() => void alarms.refetch()} />;
  if (!alarms.data) return <Skeleton h={72} aria-label="loading alarms" />;
  const { open, recent } = alarms.data;
  return (
    <Stack gap="sm" component="section" aria-label="Alarms">
      <Title order={2} aria-live="polite">
        {open.length ? counted(open.length, "open alarm") : "Alarms"}
      </Title>
      {open.length === 0 && <StateBadge state="ok" word="Nothing is wrong" size={16} />}
      {open.map((alarm) => (
        <AlarmCard key={alarm.id} project={project} alarm={alarm} />
      ))}
      {history && recent.length > 0 && <AlarmHistory alarms={recent} />}
      {open.length === 0 && recent.length === 0 && (
        <Text size="sm" c="dimmed">
          Limits, trends, silence of the camera and the disk are watched while the engine runs.
        </Text>
      )}
    </Stack>
  );
}
