import { ActionIcon, Alert, Group, Menu, Skeleton, Stack, Tabs, Text, Title, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCopy, IconDots, IconFileExport, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconPlus, IconRefresh, IconSitemap, IconTrash, IconX } from "@tabler/icons-react";
import { Fault } from "@/components/Fault/Fault";
import { lookOf, StateBadge } from "@/components/State/StateBadge";
import { stateText } from "@/components/Workflow/words";
import { FilterTab } from "./FilterTab";
import { FormTab } from "./FormTab";
import { FlowTab } from "./FlowTab";
import { LogTab } from "./LogTab";
import { MethodsTab } from "./MethodsTab";
import { PlotsTab } from "./PlotsTab";
import { useJob, type JobPage } from "./queries";
import { RevisionsTab } from "./RevisionsTab";
import { SummaryTab } from "./SummaryTab";
import { WhyTab } from "./WhyTab";

export interface PanelActions {
  add: () => void;
  copy: () => void;
  copyBranch: () => void;
  pause: () => void;
  resume: () => void;
  cancel: () => void;
  retry: () => void;
  exportBranch: () => void;
  remove: () => void;
  open: (job: number) => void;
}

interface Props {
  project: string;
  job: number;
  tab: string;
  onTab: (tab: string) => void;
  onClose: () => void;
  mayChange: boolean;
  mayRemove: boolean;
  actions: PanelActions;
}

/** All that is known of one job, and what can be done with it. */
export function JobPanel({ project, job, tab, onTab, onClose, mayChange, mayRemove, actions }: Props) {
  const { data, error, refetch } = useJob(project, job);
  return (
    <Stack gap="xs" p="sm" component="section" aria-label={`Job J${job}`} style={{ minHeight: "100%" }}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Title order={2} style={{ overflowWrap: "anywhere" }}>
            <Text span c="dimmed" inherit>J{job}</Text> {data?.title}
          </Title>
          {data && (
            <Group gap="sm">
              <StateBadge state={data.state} word={stateText(data) ?? lookOf(data.state).word} />
              <Text size="sm" c="dimmed">{data.type_title === data.title ? data.type : data.type_title}{data.note ? ` · ${data.note}` : ""}</Text>
            </Group>
          )}
        </div>
        <Group gap={4} wrap="nowrap">
          {mayChange && data && <JobMenu job={data} actions={actions} mayRemove={mayRemove} />}
          <ActionIcon variant="subtle" color="gray" aria-label="Close the job" onClick={onClose}><IconX size={18} /></ActionIcon>
        </Group>
      </Group>
      {error && !data && <Fault error={error} retry={() => void refetch()} />}
      {!data && !error && [0, 1, 2, 3, 4].map((place) => <Skeleton key={place} height={28} />)}
      {data?.broken && <Alert color="red" variant="light" icon={<IconAlertTriangle size={16} />} title="It can’t run">{data.broken}</Alert>}
      {data && <Panels project={project} job={data} tab={tab} onTab={onTab} mayChange={mayChange} actions={actions} />}
    </Stack>
  );
}

function Panels({ project, job, tab, onTab, mayChange, actions }: { project: string; job: JobPage; tab: string; onTab: (tab: string) => void; mayChange: boolean; actions: PanelActions }) {
  const tabs: [string, string][] = [
    ["summary", "Summary"],
    ...(job.type === "filter" ? [["filter", "Threshold"] as [string, string]] : []),
    ["form", "Form"], ["flow", "In and out"],
    ...(job.columns.length ? [["plots", "Plots"] as [string, string]] : []),
    ["log", "Log"], ["methods", "Methods"], ["why", "Why"], ["revisions", "Revisions"],
  ];
  const shown = tabs.some(([name]) => name === tab) ? tab : "summary";
  return (
    <Tabs value={shown} onChange={(value) => onTab(value ?? "summary")} keepMounted={false} style={{ flex: 1 }}>
      <Tabs.List style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden", scrollbarWidth: "none" }} aria-label="About the job">
        {tabs.map(([name, label]) => <Tabs.Tab key={name} value={name} px={9} style={{ flex: "none" }}>{label}</Tabs.Tab>)}
      </Tabs.List>
      <Tabs.Panel value={shown} pt="sm">
        {shown === "summary" && <SummaryTab project={project} job={job} onTab={onTab} />}
        {shown === "filter" && <FilterTab key={job.revision} project={project} job={job} mayChange={mayChange} />}
        {shown === "form" && <FormTab key={`${job.id}-${job.revision}`} project={project} job={job} mayChange={mayChange} />}
        {shown === "flow" && <FlowTab job={job} open={actions.open} />}
        {shown === "plots" && <PlotsTab project={project} job={job} />}
        {shown === "log" && <LogTab project={project} job={job} />}
        {shown === "methods" && <MethodsTab job={job} />}
        {shown === "why" && <WhyTab job={job} mayChange={mayChange} actions={actions} onTab={onTab} />}
        {shown === "revisions" && <RevisionsTab project={project} job={job} mayChange={mayChange} />}
      </Tabs.Panel>
    </Tabs>
  );
}

function JobMenu({ job, actions, mayRemove }: { job: JobPage; actions: PanelActions; mayRemove: boolean }) {
  const stopped = job.state === "paused" || job.state === "cancelled";
  return (
    <>
      <Tooltip label="Add a job behind it">
        <ActionIcon variant="light" aria-label="Add a job behind it" onClick={actions.add}><IconPlus size={16} /></ActionIcon>
      </Tooltip>
      <Tooltip label={stopped ? "Resume" : "Pause"}>
        <ActionIcon variant="light" aria-label={stopped ? "Resume" : "Pause"} onClick={stopped ? actions.resume : actions.pause}>
          {stopped ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="light" aria-label="More to do with the job"><IconDots size={16} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={actions.copy}>Copy</Menu.Item>
          <Menu.Item leftSection={<IconSitemap size={16} />} onClick={actions.copyBranch}>Copy with all behind it</Menu.Item>
          <Menu.Item leftSection={<IconFileExport size={16} />} onClick={actions.exportBranch}>Export as template</Menu.Item>
          <Menu.Divider />
          {job.bad > 0 && <Menu.Item leftSection={<IconRefresh size={16} />} onClick={actions.retry}>Retry what failed ({job.bad})</Menu.Item>}
          <Menu.Item leftSection={<IconPlayerStop size={16} />} onClick={actions.cancel}>Cancel</Menu.Item>
          {mayRemove && <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={actions.remove}>Remove …</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
