/** How the session is watched, and who is told. */
import { Divider, Stack } from "@mantine/core";
import { LimitsTable } from "./LimitsTable";
import { Receivers } from "./Receivers";
import { RulesForm } from "./RulesForm";

export function AlarmSettings({ project }: { project: string }) {
  return (
    <Stack gap="lg" component="section" aria-label="Alarms">
      <LimitsTable project={project} />
      <Divider />
      <RulesForm project={project} />
      <Divider />
      <Receivers project={project} />
    </Stack>
  );
}
