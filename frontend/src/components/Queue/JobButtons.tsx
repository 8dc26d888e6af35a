import { ActionIcon, Group, Tooltip } from "@mantine/core";
import { IconBan, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";

/** Pause, go on with, or cancel a job. */
export function JobButtons({ project, job, state }: { project: string; job: number; state: string }) {
  const may = useMayChange(project);
  const action = useAction(project);
  if (!may) return null;
  const body = { job: `J${job}` };
  const resume = () => action.mutate({ name: "resume_job", body, told: `J${job} goes on`, undo: () => action.mutate({ name: "pause_job", body }) });
  const back = () => action.mutate({ name: "resume_job", body });
  const buttons =
    state === "paused" || state === "cancelled"
      ? [{ label: `Resume J${job}`, icon: IconPlayerPlay, run: resume }]
      : [
          { label: `Pause J${job}`, icon: IconPlayerPause, run: () => action.mutate({ name: "pause_job", body, told: `J${job} is paused`, undo: back }) },
          { label: `Cancel J${job}`, icon: IconBan, run: () => action.mutate({ name: "cancel_job", body, told: `J${job} is cancelled; what is done stays`, undo: back }) },
        ];
  return (
    <Group gap={2} wrap="nowrap">
      {buttons.map(({ label, icon: Icon, run }) => (
        <Tooltip key={label} label={label}>
          <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={run} disabled={action.isPending}>
            <Icon size={16} />
          </ActionIcon>
        </Tooltip>
      ))}
    </Group>
  );
}
