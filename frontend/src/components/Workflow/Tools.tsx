import { Autocomplete, Button, Group, Kbd, Menu, SegmentedControl, Text } from "@mantine/core";
import { IconDots, IconFileExport, IconFileImport, IconPlus, IconSearch } from "@tabler/icons-react";
import { counted } from "@/components/format";
import type { JobLine } from "@/components/Job/queries";
import classes from "./Workflow.module.css";

interface Props {
  jobs: readonly JobLine[];
  view: string;
  onView: (view: string) => void;
  text: string;
  onText: (text: string) => void;
  found: number[];
  onPick: (job: number) => void;
  mayChange: boolean;
  onAdd: () => void;
  onTemplate: () => void;
  onExport: () => void;
}

/** Add, search, and how the jobs are shown. */
export function Tools({ jobs, view, onView, text, onText, found, onPick, mayChange, onAdd, onTemplate, onExport }: Props) {
  const options = jobs.filter((job) => found.includes(job.id)).slice(0, 20).map((job) => `J${job.id} ${job.title}`);
  return (
    <div className={classes.tools}>
      {mayChange && (
        <Button size="sm" leftSection={<IconPlus size={16} />} onClick={onAdd} rightSection={<Kbd size="xs" visibleFrom="md">Ctrl F</Kbd>}>
          Add job
        </Button>
      )}
      <Autocomplete
        size="sm"
        w={{ base: 150, sm: 220 }}
        aria-label="Find a job"
        placeholder="Find a job"
        leftSection={<IconSearch size={15} />}
        data={[...new Set(options)]}
        filter={({ options: all }) => all}
        value={text}
        onChange={onText}
        onOptionSubmit={(value) => onPick(Number(/^J(\d+)/.exec(value)?.[1]))}
        onKeyDown={(event) => {
          if (event.key === "Escape") onText("");
        }}
      />
      <Text size="sm" c="dimmed" visibleFrom="sm" aria-live="polite">
        {text ? `${found.length} of ${counted(jobs.length, "job")}` : counted(jobs.length, "job")}
      </Text>
      <Group gap="xs" ml="auto" wrap="nowrap">
        <SegmentedControl size="xs" value={view} onChange={onView} aria-label="How jobs are shown" data={[{ value: "graph", label: "Graph" }, { value: "list", label: "List" }, { value: "tree", label: "Tree" }]} />
        <Menu position="bottom-end">
          <Menu.Target>
            <Button size="compact-md" variant="default" aria-label="Templates" leftSection={<IconDots size={16} />}>Templates</Button>
          </Menu.Target>
          <Menu.Dropdown>
            {mayChange && <Menu.Item leftSection={<IconFileImport size={16} />} onClick={onTemplate}>Add jobs of a template</Menu.Item>}
            <Menu.Item leftSection={<IconFileExport size={16} />} onClick={onExport}>Export all jobs</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
    </div>
  );
}
