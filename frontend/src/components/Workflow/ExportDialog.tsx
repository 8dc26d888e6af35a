import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { counted } from "@/components/format";

/** Jobs as a template: which parts go along, and the file. `jobs` empty means all. */
export function ExportDialog({ project, jobs, onClose }: { project: string; jobs: number[] | null; onClose: () => void }) {
  const [settings, setSettings] = useState(false);
  const [decisions, setDecisions] = useState(true);
  const [title, setTitle] = useState("");
  const query = new URLSearchParams({ with_settings: String(settings), with_decisions: String(decisions) });
  if (jobs?.length) query.set("jobs", jobs.join(","));
  if (title) query.set("title", title);
  const address = `/api/projects/${encodeURIComponent(project)}/templates/export?${query.toString()}`;
  return (
    <Modal opened={jobs !== null} onClose={onClose} title={<Text fw={600}>Export {jobs?.length ? counted(jobs.length, "job") : "all jobs"} as a template</Text>} centered>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">Another project can take the template: jobs, their order, parameters and notes. Images and reference files stay here.</Text>
        <TextInput label="Title" placeholder="the project’s title" value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
        <Checkbox label="Settings of the project (pixel size, voltage, dose …)" checked={settings} onChange={(event) => setSettings(event.currentTarget.checked)} />
        <Checkbox label="What people decided: flags, groups, TRASH, choices by hand" checked={decisions} onChange={(event) => setDecisions(event.currentTarget.checked)} />
        <Group justify="flex-end">
          {/* It closes only once the browser has taken the address: the one of no jobs is that of all. */}
          <Button component="a" href={address} download leftSection={<IconDownload size={16} />} onClick={() => setTimeout(onClose)}>Save the template</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
